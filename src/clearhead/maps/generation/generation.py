"""`Generation`: the maps of one run of ``generate``, from the prompt to the last new token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Float
from .._rollout_arguments import Heads
from ..attention_map import AttentionMap
from ..rollout import flow_of
from ..stacks import Layers
from .reading import SpanReading
from .some_queries import some_queries
from .span_sums import SpanSums
from .spans import NamedSpans, Spans

_NO_FLOW = (
    "Attention flow goes through the self-attention of one stack of layers, position by position. "
    "In an encoder-decoder the prompt reaches the new tokens by cross-attention, of which the "
    "measure says nothing. spans() reads the cross-attention of each layer, and "
    'recording.flow_to(tokens, layers="*encoder*") follows the prompt through the encoder.'
)


class Generation(Mapping[str, AttentionMap]):
    """One run of ``generate``: a map for each attending module, by name.

    ``generation["model.layers.0.self_attn"]`` has the queries and keys of the prompt and of all new
    tokens but the last, which the model did not read. Its batch rows are the sequences that
    ``generate`` returned. A new token is predicted at the query before it; `written_from` has those
    rows alone.

    Args:
        maps: builds the map of each module.
        kinds: ``"self"`` or ``"cross"``, by module.
        first: the query from which the first new token was written.
        lengths: the number of new tokens of each sequence.

    Attributes:
        first: as above.
        lengths: as above.
    """

    def __init__(
        self,
        maps: Mapping[str, Callable[[], AttentionMap]],
        kinds: Mapping[str, str],
        first: int,
        lengths: Sequence[int],
    ) -> None:
        self._builders, self._kinds = maps, kinds
        self._maps: dict[str, AttentionMap] = {}
        self.first, self.lengths = first, tuple(lengths)

    # As a mapping

    def __getitem__(self, name: str) -> AttentionMap:
        if name not in self._builders:
            raise ConfigError(
                f"No module {name!r} attended while tokens were written; there are "
                f"{', '.join(self) or 'none'}."
            )
        if name not in self._maps:
            self._maps[name] = self._builders[name]()
        return self._maps[name]

    def __contains__(self, name: object) -> bool:
        return name in self._builders

    def __iter__(self) -> Iterator[str]:
        return iter(self._builders)

    def __len__(self) -> int:
        return len(self._builders)

    @property
    def new(self) -> int:
        """The number of new tokens of the longest sequence."""
        return max(self.lengths)

    @property
    def is_encoder_decoder(self) -> bool:
        """Whether new tokens read the prompt by cross-attention."""
        return "cross" in self._kinds.values()

    def written_from(self, name: str) -> AttentionMap:
        """Return the map of the queries from which the new tokens were written.

        Row k is the query that predicted new token k; rows behind the end of a sequence attend to
        nothing.
        """
        return some_queries(self[name], self.first, self.first + self.new)

    # Reading

    def spans(
        self,
        spans: Spans | Sequence[Spans],
        *,
        by: str = "weight",
        layers: str | Sequence[str] | None = None,
        offsets: Any = None,
    ) -> SpanReading:
        """Sum the weights with which each new token read spans of the prompt.

        The sums are exact: those of the rows of the dense map. Memory is linear in the text; only
        the rows of the new tokens are computed.

        Args:
            spans: (first, end) in tokens by name, the end not included; or such a mapping for each
                sequence. Spans may overlap, and reach into the new tokens. In an encoder-decoder
                they are spans of the encoder's text.
            by: ``"weight"``, or ``"contribution"``, weight times the norm of the value: record with
                ``values=True``.
            layers: a pattern or names of modules; None for all that read the prompt. In an
                encoder-decoder these are the cross-attentions.
            offsets: the tokenizer's ``offset_mapping`` of the prompt, where spans are in
                characters.

        Raises:
            ConfigError: no module matches, or a span is empty or beyond the text; by contribution,
                values were not kept.
        """
        sums: dict[str, Tensor] = {}
        for name in self._names(layers):
            rows = self.written_from(name)
            places = NamedSpans.of(spans, rows.shape[0], rows.shape[3], offsets)
            sums[name] = rows.result_of(SpanSums(places, by))
        return SpanReading(places.names, sums, by, self.lengths)

    def flow_to(
        self,
        spans: Spans | Sequence[Spans],
        *,
        layers: Layers = None,
        residual: float = 0.5,
        heads: Heads = None,
        offsets: Any = None,
    ) -> Float[Tensor, "batch new spans"]:
        """Compute how much each new token draws on spans of the prompt, through all layers.

        The sum over the span of `clearhead.maps.rollout.flow_to`, for the queries from which new
        tokens were written. One vector for each span goes through the layers, so memory is linear
        in the text.

        Args:
            spans, offsets: as in `spans`; ``{"token": (7, 8)}`` is one token.
            layers, residual, heads: as in `clearhead.maps.rollout.rollout`.

        Raises:
            ConfigError: the model is an encoder-decoder; or as in `spans`.
        """
        if self.is_encoder_decoder:
            raise ConfigError(_NO_FLOW)
        one = next(iter(self.values()))
        places = NamedSpans.of(spans, one.shape[0], one.shape[3], offsets)
        shares = places.shares(slice(0, one.shape[3]), torch.float64, one.query.device)
        flow = flow_of(self, shares.mT, layers=layers, residual=residual, heads=heads)
        flow = flow[..., self.first : self.first + self.new].mT
        ends = torch.tensor(self.lengths, device=flow.device)[:, None]
        ended = torch.arange(self.new, device=flow.device) >= ends
        return flow.masked_fill(ended[..., None], 0)

    def _names(self, layers: str | Sequence[str] | None) -> list[str]:
        """Return the modules that match a pattern or names."""
        reads = "cross" if self.is_encoder_decoder else "self"
        if layers is None:
            return [name for name in self if self._kinds[name] == reads]
        patterns = [layers] if isinstance(layers, str) else list(layers)
        names = [name for name in self if any(fnmatchcase(name, one) for one in patterns)]
        if not names:
            raise ConfigError(f"No module matches {layers!r}; there are {', '.join(self)}.")
        return names

    def __repr__(self) -> str:
        count = len(self.lengths)
        sequences = f"{count} sequence{'' if count == 1 else 's'}"
        return (
            f"Generation of {sequences} of {', '.join(map(str, self.lengths))} new tokens, in "
            f"{len(self)} attending modules"
        )
