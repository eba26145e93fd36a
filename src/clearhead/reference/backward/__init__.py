"""The backward pass: the derivative of the loss with respect to every step and every weight."""
