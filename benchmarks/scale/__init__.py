"""A corpus in parts: measured with one and two workers, computed and simulated for a thousand."""
