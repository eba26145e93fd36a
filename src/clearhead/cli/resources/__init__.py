"""The resources of a command: memory and threads."""
