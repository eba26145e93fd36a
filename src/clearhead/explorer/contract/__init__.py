"""The questions that the page asks, the edits that it makes, and the answers that it gets."""
