"""Attribution: which parts of a PyTorch model, and which tokens, produced a logit.

`attribute_logit` divides a logit into the contributions of all parts, `logit_lens` predicts from
each layer, `attribute_inputs` attributes to tokens by gradients, and `attribute_heads`,
`attribute_nodes` and `attribute_edges` estimate the effects of patching. Each takes a `Target`:
this token and not that one.

No code is specific to a family of models: the parts are found in the operators that a run calls.
Fused attention stays on, and gradients go through it.
"""
