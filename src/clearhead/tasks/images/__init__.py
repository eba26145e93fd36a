"""What models that read images are for: labels of what is seen."""
