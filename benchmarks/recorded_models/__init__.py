"""Recording held against what really met the values, over libraries of models."""
