"""Output for a terminal: running text, and matrices as heat maps."""
