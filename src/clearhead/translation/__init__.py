"""Translation from text to text, with a search over any engine."""
