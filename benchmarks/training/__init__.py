"""Training speed beside other systems."""
