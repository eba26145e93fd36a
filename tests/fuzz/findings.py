"""Inputs that once brought about something else than a refusal in one line, by target."""

from __future__ import annotations

FINDINGS: dict[str, tuple[bytes, ...]] = {}
