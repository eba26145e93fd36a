"""Converts our models to other engines (transformers, CTranslate2, ONNX) and back."""
