"""What the explorer answers: plain values, and arrays beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to one question.

    Attributes:
        json: plain values, ready for JSON; where a number would be infinite it is None.
        arrays: what is too much for JSON, by name; -inf stands in them as it is.
    """

    json: dict[str, Any]
    arrays: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
