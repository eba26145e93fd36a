"""What encoders are for: vectors of texts, and words for masks."""
