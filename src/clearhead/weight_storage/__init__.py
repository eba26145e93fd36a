"""How a folder of ours stores weights: as floats, or in 8 bits with scales."""
