"""Which module of a model an attention belongs to, and of what kind the attention is."""
