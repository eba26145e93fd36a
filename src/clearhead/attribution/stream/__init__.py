"""The residual stream as a sum, read from the operators of a run."""
