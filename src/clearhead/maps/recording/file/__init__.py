"""The file of a recording: tensors in safetensors' format, described by JSON in the header."""

from ._reading import read_contents
from ._writing import write_contents

__all__ = ["read_contents", "write_contents"]
