"""How a run's logits came about as a sum: the residual stream, read from the operators that ran."""
