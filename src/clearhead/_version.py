"""The version, in a file of its own that any module can import without the public names."""

__version__ = "0.1.0"
