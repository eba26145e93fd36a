"""Our models for other engines: transformers, CTranslate2 and ONNX, and back again."""
