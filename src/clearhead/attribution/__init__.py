"""Which part of a PyTorch model brought about a logit, and from which token it came.

`attribute_logit` divides a logit into what each part added, `logit_lens` reads what each layer would
say, `attribute_inputs` attributes to tokens by gradients, and `attribute_heads`, `attribute_nodes`
and `attribute_edges` estimate what patching would do. Each takes a `Target`: this token and not that
one.

Nothing knows a family of models: the parts are found in the operators that a run calls. Fused
attention stays on, and gradients go through it.
"""
