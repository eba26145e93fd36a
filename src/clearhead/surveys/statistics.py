"""Statistics of every head over texts; adding them in any order gives the same bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import ConfigError
from ..file_reading import FileProblem, parse_json
from .layer_statistics import LayerStatistics
from .reading import LayerReading, TextReading

FORMAT = 1
LayerKey = tuple[int, str, int]
"""The place of a module in its model, its name, and the number of its call in one pass."""


@dataclass(frozen=True, eq=False)
class HeadStatistics:
    """Statistics of every head of a model over texts.

    ``a + b`` has the same bytes as ``b + a``, and ``(a + b) + c`` the same as ``a + (b + c)``,
    because all sums are of integers.

    Attributes:
        model: the SHA-256 of the model's files; empty if there are no texts.
        texts: number of texts.
        tokens: number of tokens of the texts.
        target_tokens: number of tokens that the decoder read.
        cut_targets: number of texts whose target the model wrote without reaching its end.
        layers: statistics by place, name and call, in this order.
        refusals: number of texts in which an attention could not be read, by module and reason.
    """

    model: str = ""
    texts: int = 0
    tokens: int = 0
    target_tokens: int = 0
    cut_targets: int = 0
    layers: Mapping[LayerKey, LayerStatistics] = field(default_factory=dict)
    refusals: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def layer(self, module: str, call: int = 0) -> LayerStatistics:
        """Return the statistics of one attention.

        Args:
            module: its name.
            call: the number of its call in one pass.

        Raises:
            KeyError: no text has it.
        """
        for (_, name, number), layer in self.layers.items():
            if (name, number) == (module, call):
                return layer
        names = ", ".join(dict.fromkeys(repr(name) for _, name, _ in self.layers))
        raise KeyError(f"No text has call {call} of {module!r}. There are {names or 'no layers'}.")

    @classmethod
    def of(cls, model: str, readings: Sequence[TextReading]) -> HeadStatistics:
        """Return the statistics over some texts.

        Args:
            model: the SHA-256 of the model's files.
            readings: of each text.

        Raises:
            ConfigError: an attention differs between texts in kind or number of heads.
        """
        if not readings:
            return cls()
        by_layer: dict[LayerKey, list[LayerReading]] = {}
        refusals: Counter[tuple[str, str]] = Counter()
        for reading in readings:
            refusals.update(reading.refusals.items())
            for key, layer in reading.layers.items():
                by_layer.setdefault(key, []).append(layer)
        return cls(
            model,
            len(readings),
            sum(one.tokens for one in readings),
            sum(one.target_tokens for one in readings),
            sum(one.is_cut for one in readings),
            {key: LayerStatistics.of(key[1], by_layer[key]) for key in sorted(by_layer)},
            {key: refusals[key] for key in sorted(refusals)},
        )

    def __add__(self, other: HeadStatistics) -> HeadStatistics:
        """Return the statistics over the texts of both operands.

        Raises:
            ConfigError: they belong to two models.
        """
        if not (self.texts and other.texts):
            return self if self.texts else other
        if self.model != other.model:
            raise ConfigError(
                f"Statistics are added for one model, and these are of two: their files have the "
                f"SHA-256 {self.model[:12]}... and {other.model[:12]}..."
            )
        layers = {}
        for key in sorted({*self.layers, *other.layers}):
            ours, theirs = self.layers.get(key), other.layers.get(key)
            one = ours or theirs
            assert one is not None
            layers[key] = ours.merged(key[1], theirs) if ours and theirs else one
        refusals = Counter(self.refusals) + Counter(other.refusals)
        return HeadStatistics(
            self.model,
            self.texts + other.texts,
            self.tokens + other.tokens,
            self.target_tokens + other.target_tokens,
            self.cut_targets + other.cut_targets,
            layers,
            {key: refusals[key] for key in sorted(refusals)},
        )

    @classmethod
    def merge(cls, several: Iterable[HeadStatistics]) -> HeadStatistics:
        """Return the sum of several statistics; without any, empty statistics.

        Raises:
            ConfigError: they belong to different models.
        """
        return sum(several, cls())

    def to_bytes(self) -> bytes:
        """Return one line of JSON without a line break; equal statistics give equal bytes."""
        content = {
            "format": FORMAT,
            "model": self.model,
            "texts": self.texts,
            "tokens": self.tokens,
            "target_tokens": self.target_tokens,
            "cut_targets": self.cut_targets,
            "layers": [[*key, layer.to_dict()] for key, layer in self.layers.items()],
            "refusals": [[*key, count] for key, count in self.refusals.items()],
        }
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return text.encode("utf-8")

    @classmethod
    def from_bytes(cls, content: bytes) -> HeadStatistics:
        """Return the statistics written by `to_bytes`.

        Raises:
            ConfigError: the content was not written by `to_bytes`, or by another version.
        """
        try:
            fields = parse_json(content)
            if fields["format"] != FORMAT:
                raise ValueError(f"format {fields['format']}")
            layers = {
                (place, name, call): LayerStatistics.from_dict(layer)
                for place, name, call, layer in fields["layers"]
            }
            refusals = {(name, why): count for name, why, count in fields["refusals"]}
            return cls(
                fields["model"],
                fields["texts"],
                fields["tokens"],
                fields["target_tokens"],
                fields["cut_targets"],
                layers,
                refusals,
            )
        except (FileProblem, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ConfigError(
                f"These are no statistics of heads of format {FORMAT}: {error}. Give what "
                "HeadStatistics.to_bytes of this version wrote."
            ) from error
