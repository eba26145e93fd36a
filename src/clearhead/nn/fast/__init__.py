"""Speed-ups of training that change no formula: packed rows, matrix products with fused bias."""
