"""The kinds of models that the page can walk, and how each reads a text."""
