"""The tasks of a training run, and their checks of settings and data."""
