"""Attention on demand: any weight of any PyTorch model, with its fused kernel on."""
