"""What kind each head of a recording is: over one text, or over many."""
