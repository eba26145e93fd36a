"""The errors that clearhead raises.

    ClearheadError
    ├── ConfigError        (ValueError)   a setting is unknown, missing or contradicts another
    ├── ShapeError         (ValueError)   arrays that do not fit together
    ├── MissingExtraError  (ImportError)  an optional package is needed and not installed
    ├── CorpusError        (ValueError)   a line or a file of a corpus cannot be used
    ├── CheckpointError    (ValueError)   a saved model or training state cannot be read
    ├── TrainingError      (RuntimeError) training cannot go on (a gradient is not a number, say)
    ├── TextError          (ValueError)   a text that cannot be translated as it is
    └── TraceError         (LookupError)  a step that does not exist, or a damaged trace

Each error also derives from a suitable built-in error, so code that does not know clearhead can
catch it. A message says what was asked, what came, and what to do.
"""

from __future__ import annotations

import importlib
from types import ModuleType


class ClearheadError(Exception):
    """The base class of all errors that clearhead raises deliberately."""


class ConfigError(ClearheadError, ValueError):
    """A setting is unknown, missing or contradicts another."""


class ShapeError(ClearheadError, ValueError):
    """Arrays that do not fit together."""


class MissingExtraError(ClearheadError, ImportError):
    """An optional package is needed and not installed."""


class CorpusError(ClearheadError, ValueError):
    """A line or a file of a corpus cannot be used."""


class CheckpointError(ClearheadError, ValueError):
    """A saved model or training state cannot be read."""


class TrainingError(ClearheadError, RuntimeError):
    """Training cannot go on."""


class TextError(ClearheadError, ValueError):
    """A text that cannot be translated as it is."""


class TraceError(ClearheadError, LookupError):
    """A step that does not exist, or a damaged trace."""


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, or raise an error that names the extra which installs it.

    Args:
        module: the module's import name, such as ``"torch"``.
        extra: the extra of this package that installs it, such as ``"torch"``.
        purpose: what the module is needed for, as the beginning of a sentence: ``"Training"``.

    Raises:
        MissingExtraError: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is not None and error.name != module.partition(".")[0]:
            raise
        raise MissingExtraError(
            f"{purpose} needs the package {module.partition('.')[0]!r}, which is not installed. "
            f'Install it with: pip install "clearhead[{extra}]"',
            name=module,
        ) from error
