"""The names of a model's labels, as listed in its config.json."""

from __future__ import annotations

from ..file_reading import FileProblem
from ..json_fields import Fields
from ..visible import quoted

_USUAL_COUNT = 2  # the default in transformers if a config does not say
_MOST = 1 << 20


def label_names(fields: Fields) -> tuple[str, ...]:
    """Return the name of each label, by its id; ``LABEL_3`` if the config has none for 3.

    Args:
        fields: of config.json.

    Raises:
        FileProblem: the list of labels is invalid.
    """
    if not fields.has("id2label"):
        count = _USUAL_COUNT
        if fields.has("num_labels"):
            count = fields.integer("num_labels", least=0, most=_MOST)
        return tuple(f"LABEL_{number}" for number in range(count))
    names = fields.mapping("id2label")
    numbers = {str(number): number for number in range(len(names))}
    for key, name in names.items():
        if key not in numbers or not isinstance(name, str):
            raise FileProblem(
                f'"id2label" of {fields.name} has {quoted(key)}: {quoted(name)}; its {len(names)} '
                f"labels are numbers from 0 on, each with a text"
            )
    return tuple(names[key] for key in numbers)
