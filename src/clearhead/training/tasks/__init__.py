"""What a run trains, and what that asks of its settings and its data."""
