"""Translation: search over any engine, and the way from text to text around it."""
