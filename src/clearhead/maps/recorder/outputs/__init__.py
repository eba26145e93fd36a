"""What modules return while a model is recorded, beside its attention."""
