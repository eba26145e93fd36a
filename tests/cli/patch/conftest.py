"""Models of Hugging Face for the tests of `clearhead patch`: those of `clearhead inspect`."""

from __future__ import annotations

from tests.cli.inspect.conftest import folder, masked_folder  # noqa: F401  fixtures
