"""What was read while each new token was written: recordings of ``generate``."""
