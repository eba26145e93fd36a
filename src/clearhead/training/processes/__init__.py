"""Training in several processes: starting, stopping and summing gradients."""
