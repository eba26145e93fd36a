"""The tasks of a model: generating text, vectors and labels of texts, labels of images, masks."""
