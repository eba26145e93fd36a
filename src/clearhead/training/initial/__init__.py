"""The initial model of a run, which may have fewer layers."""
