"""The results of an inspection: stacks of layers, measures by head, the strongest links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...shapes import Array
from ...surveys.stacks import labels_of, pattern_of

if TYPE_CHECKING:
    from ...maps.measures.base import Measure
    from ...maps.recording.calls import Map
    from ...maps.recording.recording import Recording
    from ...surveys.text_model import Tokens

MEASURES = ("entropy", "sink", "distance")
# The number of keys examined for links of each query. One is not enough, because the query itself,
# the first token and special tokens do not count.
KEYS_OF_A_QUERY = 6


@dataclass(frozen=True)
class Link:
    """A query that attends to a key."""

    head: int
    query: int
    key: int
    weight: float


@dataclass
class LayerFindings:
    """One attention of the model; its measures are means over queries, one number per head."""

    name: str
    call: int | None
    kind: str
    kernel: str
    shape: tuple[int, int, int, int]
    values: dict[str, Array]
    received_share: Array
    links: list[Link] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class StackFindings:
    """Layers whose names differ only in numbers."""

    pattern: str
    layers: list[LayerFindings]

    @property
    def kind(self) -> str:
        """The kind of attention, self or cross."""
        return self.layers[0].kind

    def table(self, measure: str) -> Array:
        """Return Float["layers heads"]; NaN where a layer has fewer heads than another."""
        rows = [layer.values[measure] for layer in self.layers]
        values = np.full((len(rows), max(map(len, rows))), np.nan)
        for i, row in enumerate(rows):
            values[i, : len(row)] = row
        return values

    def strongest(self, count: int) -> list[tuple[LayerFindings, Link]]:
        """Return the heads' strongest links, one for each head, the strongest first."""
        links = [(layer, link) for layer in self.layers for link in layer.links]
        return sorted(links, key=lambda pair: -pair[1].weight)[:count]

    def received_shares(self) -> Array:
        """Return Float["keys"]: each key's share of all attention; the shares sum to about 1."""
        return np.mean([layer.received_share for layer in self.layers], axis=0)


def summaries() -> list[Measure[Any]]:
    """Return the measures to take during the forward pass."""
    from ...maps.measures.per_position import Distance, Entropy, Received, Sink
    from ...maps.measures.topk import TopK

    return [Entropy(), Sink(), Distance(), Received(), TopK(KEYS_OF_A_QUERY)]


def stacks_of(recording: Recording, source: Tokens, target: Tokens | None) -> list[StackFindings]:
    """Return the measures of everything that was recorded and could be read, by stack."""
    stacks: dict[tuple[str, str], list[LayerFindings]] = {}
    unreadable = recording.refusals
    for name in recording:
        if name in unreadable:
            continue
        calls = recording.calls(name)
        for number, attention_map in enumerate(calls):
            layer = _layer(name, number if len(calls) > 1 else None, attention_map, source, target)
            stacks.setdefault((pattern_of(name), layer.kind), []).append(layer)
    for layers in stacks.values():
        _label(layers)
    return [StackFindings(pattern, layers) for (pattern, _), layers in stacks.items()]


def _label(layers: Sequence[LayerFindings]) -> None:
    """Label layers with the numbers in which their names differ, or with call numbers."""
    names = [(layer.name, layer.call) for layer in layers]
    for layer, label in zip(layers, labels_of(names), strict=True):
        layer.label = label


def sides(layer: LayerFindings, source: Tokens, target: Tokens | None) -> tuple[Tokens, Tokens]:
    """Return the tokens of a layer's queries and keys."""
    decoder = "decoder" in layer.name.split(".")
    own = target if target is not None and (decoder or layer.kind == "cross") else source
    return own, source if layer.kind == "cross" else own


def _layer(
    name: str, call: int | None, attention_map: Map, source: Tokens, target: Tokens | None
) -> LayerFindings:
    measures = attention_map.measure(*summaries())
    entropy, sink, distance, shares, top = measures.values()
    means = (x.float().mean((0, 2)).cpu().numpy() for x in (entropy, sink, distance))
    batch, heads, query_len, key_len = attention_map.shape
    shape = (batch, heads, query_len, key_len)
    layer = LayerFindings(
        name=name,
        call=call,
        kind=attention_map.source.kind,
        kernel=attention_map.source.kernel,
        shape=shape,
        values=dict(zip(MEASURES, means, strict=True)),
        received_share=(shares.double().mean((0, 1)) / shape[2]).cpu().numpy(),
        notes=attention_map.source.notes,
    )
    values, indices = (x[0].cpu().numpy() for x in top)
    queries, keys = sides(layer, source, target)
    layer.links = _links(layer, values, indices, keys, len(queries.ids))
    return layer


def _links(
    layer: LayerFindings, values: Array, indices: Array, keys: Tokens, query_count: int
) -> list[Link]:
    """Return the strongest informative link of each head.

    Args:
        values, indices: Float["heads queries k"] and Int["heads queries k"], of a TopK.
    """
    special = np.append(np.array(keys.special, dtype=bool), True)  # index -1: no key
    dull = special[indices]
    if layer.kind == "self":
        positions = np.arange(query_count)[None, :, None]
        dull |= (indices == positions) | (indices == 0)
    weights = np.where(dull, 0.0, values)
    links = []
    for head, of_head in enumerate(weights):
        query, place = np.unravel_index(int(of_head.argmax()), of_head.shape)
        weight = float(of_head[query, place])
        if weight > 0:
            key = int(indices[head, query, place])
            links.append(Link(head, int(query), key, weight))
    return links


def as_json(
    stacks: Sequence[StackFindings], source: Tokens, target: Tokens | None, top: int
) -> list[dict[str, Any]]:
    """Return the stacks as a list for JSON."""
    rows = []
    for stack in stacks:
        queries, keys = sides(stack.layers[0], source, target)
        layers = [
            {
                "name": layer.name,
                "kernel": layer.kernel,
                "heads": layer.shape[1],
                "queries": layer.shape[2],
                "keys": layer.shape[3],
                **{name: [float(x) for x in values] for name, values in layer.values.items()},
                "notes": list(layer.notes),
            }
            for layer in stack.layers
        ]
        links = [
            {
                "layer": layer.name,
                "head": link.head,
                "query": link.query,
                "query_token": queries.labels[link.query],
                "key": link.key,
                "key_token": keys.labels[link.key],
                "weight": link.weight,
            }
            for layer, link in stack.strongest(top)
        ]
        received_shares = [float(share) for share in stack.received_shares()]
        rows.append(
            {
                "stack": stack.pattern,
                "kind": stack.kind,
                "layers": layers,
                "links": links,
                "received": received_shares,
            }
        )
    return rows
