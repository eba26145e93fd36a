"""How a translation says "you": ``tu``, ``vous``, or as the model chooses.

A model that was trained with tags (`clearhead.text.tags`) reads one in front of its source. Its
config.json states them: ``"registers": ["tu", "vous"]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import ConfigError
from ...file_reading import FileProblem
from ...json_fields import Fields
from ...text import tags
from ...text.tags import tag_id, tag_name, tag_piece
from ...visible import quoted

AUTO = "auto"
REGISTERS = (AUTO, *tags.REGISTERS)
"""What can be asked for; ``auto`` leaves it to the model."""


def register_tags(register: str, registers: Iterable[str]) -> tuple[int, ...]:
    """Return the token ids that request a register: its tag, or none for ``auto``.

    Args:
        register: what is asked for.
        registers: that the model was trained with.

    Raises:
        ConfigError: there is no such register, or the model was not trained with it.
    """
    if register not in REGISTERS:
        raise ConfigError(
            f"register must be one of {', '.join(REGISTERS)}; it is {quoted(str(register))}."
        )
    if register == AUTO:
        return ()
    if register not in registers:
        trained = ", ".join(registers)
        raise ConfigError(
            f"register={register!r} was asked of a model that was trained "
            f"{f'with the registers {trained} alone' if trained else 'without registers'}, and "
            f"would read its tag as noise. Leave register at 'auto', or train a model with "
            f"a register_share above 0 in a [[data.corpus]]."
        )
    return (tag_id(register),)


def read_registers(content: Fields) -> tuple[str, ...]:
    """Return the registers that a config.json states; none where it states nothing.

    Raises:
        FileProblem: they are no list, or one of them has no tag here.
    """
    if not content.has("registers"):
        return ()
    names = tuple(content.texts("registers"))
    for name in names:
        if name not in tags.REGISTERS:
            raise FileProblem(
                f'"registers" has {quoted(name)}, and this version of clearhead knows: '
                f"{', '.join(tags.REGISTERS)}"
            )
    return names


def with_tags(pieces: Sequence[str], ids: Sequence[int]) -> list[str]:
    """Return the pieces of token ids, with tags written as ``<tu>`` instead of bytes."""
    names = [tag_name(number) for number in ids]
    return [
        piece if name is None else tag_piece(name)
        for piece, name in zip(pieces, names, strict=True)
    ]
