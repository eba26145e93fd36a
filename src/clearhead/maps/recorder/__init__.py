"""Recording: watch a PyTorch model run and keep what its attention computed."""
