"""From text to batches of token ids: tokenizer, corpora, batches. NumPy only."""
