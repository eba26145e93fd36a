"""The explorer: one sentence, and every number between it and its translation."""
