"""The models of Hugging Face that the tests of `clearhead inspect` have, too."""

from tests.cli.inspect.conftest import folder  # noqa: F401  a fixture
