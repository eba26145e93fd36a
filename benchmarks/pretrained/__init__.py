"""Speed of other people's models beside transformers."""
