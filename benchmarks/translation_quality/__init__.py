"""How good translations are: references, everyday sentences, and words that do not exist."""
