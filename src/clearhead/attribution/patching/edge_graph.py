"""The ends of a model's edges: parts that add to the residual stream, and parts that read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from ...errors import ConfigError
from ...shapes import Float
from ..running import Inputs
from ..stream.head_parts import AttentionRows
from ..stream.nodes import Leaf, Linear, Node, Norm, Sum
from ..stream.run import StreamRun, stream_run
from ..stream.walk import Part, Walk
from ..summands import input_stack, is_parameter, module_of, path_of
from .pair import PURPOSE

LOGITS = "logits"


@dataclass(eq=False)
class Source:
    """A part that adds to the stream.

    Attributes:
        name: its name in results.
        module: the module whose output it is; of heads, the module that attends.
        weight: Float[Tensor, "heads_times_value_dim d_model"], with which the heads are
            multiplied, times their factor; None where the output is added as a whole.
        factor: the factor of the output on its way into the stream.
    """

    name: str
    module: str
    weight: Float[Tensor, "width d_model"] | None
    factor: float


@dataclass(eq=False)
class Sink:
    """What reads the stream: the readers of one or several sublayers, or of the logits.

    Attributes:
        names: of the sublayers; ``logits`` for what comes after the last.
        readers: the modules that read, usually one norm.
        sources: the indices of the sources that they read.
        attention: the module whose heads read, if one of the sublayers is an attention with
            separable heads.
    """

    names: list[str] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    sources: frozenset[int] = frozenset()
    attention: str | None = None


@dataclass(frozen=True, eq=False)
class EdgeGraph:
    """The ends of a model's edges.

    Attributes:
        sources: in the order in which they add.
        sinks: in the order in which they read.
        notes: remarks for a reader of the numbers.
        shape: rows and positions of the run.
    """

    sources: list[Source]
    sinks: list[Sink]
    notes: tuple[str, ...]
    shape: tuple[int, int]


def edge_graph(model: nn.Module, inputs: Inputs) -> EdgeGraph:
    """Find what adds to the stream that a model's logits come from, and what reads it, in one run.

    Raises:
        ConfigError: norms in the stream change what parts have added before others read it; a
            module is called several times; or no part that is added is a module's output.
    """
    stream = stream_run(model, inputs, PURPOSE)
    places = stream.places(0, -1)
    walk = Walk(stream.name, places)
    walk.follow(stream.node, {0: 1.0})
    in_layers = [one for one in walk.norms_in_stream if stream.layer_of(one.stack) is not None]
    if in_layers:
        raise ConfigError(
            f"{stream.name} normalises its stream itself ({in_layers[0].stack[-1]!r}), "
            "so what one part adds is not what another reads, and an edge between them has no "
            "number of its own. Use attribute_heads or attribute_nodes."
        )
    parts = sorted(_addends(walk), key=lambda part: part.node.order)
    assert stream.recording is not None
    rows = AttentionRows(stream.recording, places)
    shares = [rows.shares(part) for part in parts]
    attentions = [None if one is None else one.name for one in shares]
    sources, source_places, notes = _sources(parts, attentions)
    sinks = _sinks(stream, parts, attentions, source_places)
    notes.extend(_other_attentions(stream, parts, attentions))
    return EdgeGraph(sources, sinks, tuple(notes), (places.batch, places.length))


def _addends(walk: Walk) -> list[Part]:
    """Return the parts, with the output of a norm of the embeddings in place of its inputs."""
    parts: list[Part] = []
    norms: set[Norm] = set()
    for part in walk.parts:
        if part.outer is None:
            parts.append(part)
        elif part.outer[0] not in norms:
            norm, factor = part.outer
            norms.add(norm)
            parts.append(Part(norm, part.direction, norm.stack[:-1], norm, factor))
    return parts


def _sources(
    parts: Sequence[Part], attentions: Sequence[str | None]
) -> tuple[list[Source], dict[int, int], list[str]]:
    """Return the sources, their indices by those of the parts, and notes."""
    sources: list[Source] = []
    places: dict[int, int] = {}
    notes: list[str] = []
    for place, (part, attention) in enumerate(zip(parts, attentions, strict=True)):
        node, addend = part.node, part.addend
        if is_parameter(part):
            continue  # the same in every run, so that no edge from it matters
        name = attention or path_of(part)
        module = module_of(part)
        if attention is not None and isinstance(node, Linear) and addend is node:
            source = Source(name, attention, node.weight.detach() * node.factor, part.factor)
        elif module is not None:
            source = Source(name, module, None, part.factor / addend.modules[module])
            if attention is not None:
                notes.append(
                    f"{name}: a norm stands between its heads and the stream, so its edges start "
                    "at the whole of it"
                )
        else:
            notes.append(
                f"{name} is added to the stream, but no module returns it: no edge starts there"
            )
            continue
        places[place] = len(sources)
        sources.append(source)
    if not sources:
        raise ConfigError(f"There are no edges. {' '.join(notes)}".strip())
    return sources, places, notes


@dataclass(frozen=True)
class _Read:
    """A module reads a sum of parts.

    Attributes:
        module: its name.
        parts: the indices of the parts.
    """

    module: str
    parts: frozenset[int]


def _events(stream: StreamRun, parts: Sequence[Part]) -> list[_Read | int]:
    """Return the reads of the stream and the indices of added parts, in the order of the run.

    For each sublayer its reads come first, then what it adds.
    """
    by_node = {id(part.addend): place for place, part in enumerate(parts)}
    storages = {
        part.addend.value.untyped_storage()._cdata: place
        for place, part in enumerate(parts)
        if isinstance(part.addend, Leaf)
    }
    events: list[tuple[int, _Read | int]] = []
    for read in stream.reads:
        within = _parts_in(read.node, by_node)
        if read.node is None and read.storage in storages:
            within = frozenset({storages[read.storage]})
        if within:
            events.append((read.order, _Read(read.module, within)))
    events.extend((part.node.order, place) for place, part in enumerate(parts))
    return [event for _, event in sorted(events, key=lambda event: event[0])]


def _sinks(
    stream: StreamRun,
    parts: Sequence[Part],
    attentions: Sequence[str | None],
    places: dict[int, int],
) -> list[Sink]:
    """Return the sinks: the readers before each sublayer, and those before the logits."""
    sinks = [Sink()]
    for event in _events(stream, parts):
        sink = sinks[-1]
        if isinstance(event, int):
            if not sink.readers:
                continue  # the embeddings, which read nothing
            sink.names.append(attentions[event] or path_of(parts[event]))
            sink.attention = sink.attention or attentions[event]
            continue
        if sink.names:
            sink = Sink()
            sinks.append(sink)
        sink.readers.append(event.module)
        sink.sources |= {places[place] for place in event.parts if place in places}
    sinks[-1].names = sinks[-1].names or [LOGITS]
    readers = [reader for sink in sinks for reader in sink.readers]
    twice = next((reader for reader in readers if readers.count(reader) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"{twice!r} reads the stream several times in one run, as where layers share their "
            "weights; its edges cannot be told apart."
        )
    return sinks


def _parts_in(node: Node | None, by_node: dict[int, int]) -> frozenset[int]:
    """Return the indices of the parts whose sum a node is; none if it is no such sum."""
    places: set[int] = set()
    stack = [node]
    while stack:
        at = stack.pop()
        if at is None:
            continue
        if id(at) in by_node:
            places.add(by_node[id(at)])
        elif isinstance(at, Sum):
            stack.extend(term for _, term in at.terms)
        elif not (isinstance(at, Leaf) and at.operator == "parameter"):
            return frozenset()
    return frozenset(places)


def _other_attentions(
    stream: StreamRun, parts: Sequence[Part], attentions: Sequence[str | None]
) -> list[str]:
    """Return a note on attentions whose outputs are in another stream, such as an encoder's."""
    assert stream.recording is not None
    own = {*attentions, *(stream.attention_of(input_stack(part.node)) for part in parts)}
    others = [name for name in stream.recording if name not in own]
    if not others:
        return []
    return [
        f"the edges are those of the stream that the logits come from; {len(others)} other "
        f"attentions, {others[0]} among them, add to none that is read there"
    ]
