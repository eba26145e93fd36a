"""Which part of a PyTorch model brought about a logit, and from which token it came.

sums = attribute_logit(model, inputs, Target(answer, against))   what each part added
"""
