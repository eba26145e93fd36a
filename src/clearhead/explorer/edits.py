"""What-if: changes to a model or its source, as replacements of trace steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """One change; which attributes count depends on its kind."""

    kind: str
    part: str | None = None
    layer: int | None = None
    head: int | None = None
    query: int | None = None
    key: int | None = None
    position: int | None = None
    token: int | None = None
    value: float | None = None
    renormalise: bool = False
