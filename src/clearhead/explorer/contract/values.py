"""The base of questions and edits, and the types of the values that they hold.

Values come from JSON, and JavaScript does not tell 3.0 from 3: such a float counts as a whole
number. Booleans do not count as numbers, nothing is parsed out of strings, and a value that is
null counts as one that was left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError

HIGHEST = 2**31 - 1


@dataclass(frozen=True)
class Limits:
    """How much an explorer takes and gives at once.

    Attributes:
        characters: of a text.
        numbers: of the arrays of one answer.
        edits: of one run.
        query: characters of a search for words.
    """

    characters: int = 20_000
    numbers: int = 1_000_000
    edits: int = 32
    query: int = 200


LIMITS = Limits()


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def at_most(count: int) -> BeforeValidator:
    """Refuse a longer list before its entries are read, which may be as many as a body holds."""

    def check(value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) > count:
            sizes = {"field_type": "List", "max_length": count, "actual_length": len(value)}
            raise PydanticKnownError("too_long", sizes)
        return value

    return BeforeValidator(check)


INTEGER = BeforeValidator(_integer)
TUPLE = BeforeValidator(_tuple)
# An index, counted from 0; whether there is so much of what it counts, a model or a text says.
Index = Annotated[int, Field(ge=0, le=HIGHEST), INTEGER]
# [start, stop], of one axis of an array or of the layers of a part.
Span = Annotated[tuple[Index, Index], TUPLE]


class PlainModel(BaseModel):
    """Named values as JSON has them: exactly these names, exactly these types; frozen."""

    model_config: ClassVar[ConfigDict] = {
        "extra": "forbid",
        "strict": True,
        "frozen": True,
        "allow_inf_nan": False,
    }

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, from which the same model can be read again."""
        return self.model_dump(mode="json")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {
            name: entry
            for name, entry in value.items()
            if entry is not None or name not in cls.model_fields
        }

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe what is taken: a ``kind`` is needed, and what may be missing may be null."""
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        names = []
        for name, entry in schema.get("properties", {}).items():
            if "const" in entry:
                entry.pop("default", None)
            if "const" in entry or name in schema.get("required", ()):
                names.append(name)
            elif {"type": "null"} not in entry.get("anyOf", ()):
                outer = {key: entry.pop(key) for key in ("default", "title") if key in entry}
                schema["properties"][name] = {"anyOf": [entry, {"type": "null"}], **outer}
        if names:
            schema["required"] = names
        return reference
