"""How commands write to a terminal: running text, and matrices as heat maps."""
