"""Tasks of models that read images: classification."""
