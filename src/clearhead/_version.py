"""The version, alone in its file, so that any module can import it without the public names."""

__version__ = "0.1.0"
