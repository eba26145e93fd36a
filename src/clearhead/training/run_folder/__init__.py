"""The folder of a training run: its settings, log, progress and finished model."""
