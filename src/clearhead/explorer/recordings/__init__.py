"""The same questions, answered for a recording of any PyTorch model."""
