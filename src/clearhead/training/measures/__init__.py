"""What a run measures on its way: losses, translations, hashes of its weights, its best model."""
