"""Pictures of maps and recordings, drawn with matplotlib."""
