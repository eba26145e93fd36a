"""The weights that a run begins from, of a model that may have fewer layers."""
