"""The answers to what a vector means, and what the model would say on its way."""
