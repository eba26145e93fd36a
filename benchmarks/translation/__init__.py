"""Translation speed beside other systems."""
