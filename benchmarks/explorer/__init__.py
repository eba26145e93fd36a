"""How long the explorer takes, for one reader and for many at once."""
