"""The models that the page walks: each kind, and how a text becomes what it reads."""
