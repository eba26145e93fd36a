"""Training: settings, data, loss, schedule, loop, checkpoints."""
