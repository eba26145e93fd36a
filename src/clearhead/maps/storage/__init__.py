"""What a map stores, and the tiles in which everything else is computed from that."""
