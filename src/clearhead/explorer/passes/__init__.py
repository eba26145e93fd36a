"""A model's passes over a text: fast and exact, edited, recorded as a whole or in part."""
