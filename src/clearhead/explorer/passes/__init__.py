"""A model's passes over a text: fast or exact, edited, recorded in full or in part."""
