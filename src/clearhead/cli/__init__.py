"""The command line: one short file per command, each loaded only when it is called."""
