"""Other people's checkpoints: folders of Hugging Face's transformers, read with NumPy alone."""
