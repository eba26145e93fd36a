"""How the weights in a folder of ours are stored: as floats, or in 8 bits with scales."""
