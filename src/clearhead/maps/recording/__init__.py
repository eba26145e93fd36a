"""A recording: the maps of one run of a model, its table and its file."""
