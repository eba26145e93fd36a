"""The summands of a logit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ConfigError
from ..shapes import Array, Float
from .stream.exact import exact
from .stream.head_parts import AttentionRows, HeadShares
from .stream.nodes import Leaf, Linear, Norm, Stack
from .stream.run import StreamRun
from .stream.values import value_at
from .stream.walk import Part, Places, Walk

Kind = Literal["embedding", "head", "attention", "feed_forward", "bias"]


@dataclass(frozen=True)
class Summand:
    """One summand of a logit: as `clearhead.lens.Summand`, with what a head read.

    Attributes:
        path: the module that added it, by its name in the model, or a bias.
        kind: ``embedding``, ``head``, ``feed_forward`` (everything in a layer but attention),
            ``bias``, or ``attention`` if heads cannot be separated.
        value: what it added.
        layer, head: of a head or a feed-forward layer, counted from 0; None elsewhere, and where
            the model has no list of layers.
    """

    path: str
    kind: Kind
    value: float
    layer: int | None = None
    head: int | None = None

    @property
    def name(self) -> str:
        """Its name in tables: the path, and the number of the head."""
        return self.path if self.head is None else f"{self.path} head {self.head}"


@dataclass(frozen=True, eq=False)
class Summands:
    """All summands of a logit.

    Attributes:
        summands: in the order in which the model computed them.
        sources: for each module that attended, the shares of the tokens that its heads read.
        notes: why the heads of a module could not be separated.
    """

    summands: tuple[Summand, ...]
    sources: dict[str, Float[Array, "heads key_len"]]
    notes: tuple[str, ...]


class Divider:
    """Divides the parts that a walk has found into summands.

    Args:
        stream: the run.
        places: of interest.
    """

    def __init__(self, stream: StreamRun, places: Places) -> None:
        self._stream, self._places = stream, places
        self._summands: list[tuple[int, Summand]] = []
        self._sources: dict[str, Float[Array, "heads key_len"]] = {}
        self._notes: list[str] = []

    def divide(self, walk: Walk) -> Summands:
        """Return the summands.

        Raises:
            ConfigError: a part has other axes than the logits.
        """
        for bias in walk.biases:
            stack = _modules_around(bias.path)
            self._add(bias.order, bias.path, "bias", bias.value, self._stream.layer_of(stack))
        recording = self._stream.recording
        rows = None if recording is None else AttentionRows(recording, self._places)
        shares = {part: None if rows is None else rows.shares(part) for part in walk.parts}
        attending = {heads.name for heads in shares.values() if heads is not None}
        orders = [part.node.order for part, heads in shares.items() if heads is not None]
        for part, heads in shares.items():
            name = self._stream.attention_of(input_stack(part.node))
            if heads is not None:
                self._add_heads(part, heads)
            elif name is not None and name not in attending:
                self._notes.append(f"{name}: its heads are not told apart: {self._why(name)}")
                self._add_part(part, "attention", name)
            else:
                self._add_part(part, _kind(part, min(orders, default=None)), path_of(part))
        in_order = sorted(self._summands, key=lambda pair: pair[0])
        return Summands(tuple(s for _, s in in_order), self._sources, tuple(self._notes))

    def _why(self, name: str) -> str:
        """Return why the heads of an attending module cannot be separated."""
        assert self._stream.recording is not None
        refusal = self._stream.recording.refusals.get(name)
        if refusal is not None:
            return refusal.why
        return (
            "what was added is not a product of its weights times its values, head beside head, "
            "with a matrix: something stands between them"
        )

    def _add_heads(self, part: Part, shares: HeadShares) -> None:
        layer = self._stream.layer_of(part.node.stack)
        order = part.node.order
        for head, value in enumerate(shares.heads.tolist()):
            self._add(order, shares.name, "head", value, layer, head)
        if isinstance(part.node, Linear):
            for bias in part.node.biases:
                value = float(exact(bias) @ part.direction)
                self._add(order, f"{part.node.stack[-1]}.bias", "bias", value, layer)
        before = self._sources.get(shares.name)
        sources = shares.sources.numpy()
        self._sources[shares.name] = sources if before is None else before + sources

    def _add_part(self, part: Part, kind: Kind, path: str) -> None:
        layer = None if kind == "embedding" else self._stream.layer_of(part.node.stack)
        value = float(value_at(part.node, self._places) @ part.direction)
        self._add(part.node.order, path, kind, value, layer)

    def _add(
        self,
        order: int,
        path: str,
        kind: Kind,
        value: float,
        layer: int | None,
        head: int | None = None,
    ) -> None:
        self._summands.append((order, Summand(path, kind, value, layer, head)))


def input_stack(node: Leaf | Linear | Norm) -> Stack:
    """Return the modules that were running when a part, or its input, was computed."""
    return (*node.stack, *node.x_stack) if isinstance(node, Linear) else node.stack


def _kind(part: Part, first: int | None) -> Kind:
    """Return the kind of a part that is no attention.

    Args:
        part: of the stream.
        first: the place of the first attention in the order of the run; None if there is none.
    """
    node = part.node
    if isinstance(node, Leaf) and is_parameter(part):
        return "bias" if node.value.numel() == node.value.shape[-1] else "embedding"
    if isinstance(node, Leaf) and node.operator == "embedding":
        return "embedding"
    return "embedding" if first is not None and node.order < first else "feed_forward"


def is_parameter(part: Part) -> bool:
    """Return whether a part is a weight of the model itself, the same in every run."""
    return isinstance(part.node, Leaf) and part.node.operator == "parameter"


def module_of(part: Part) -> str | None:
    """Return the outermost module that returned exactly what was added."""
    stack = set(part.addend.stack) - set(part.parent)
    modules = [name for name in part.addend.modules if name in stack]
    return modules[-1] if modules else None


def path_of(part: Part) -> str:
    """Return the outermost module that computed a part but did not add it."""
    stack, parent = part.node.stack, part.parent
    if stack[: len(parent)] == parent and len(stack) > len(parent):
        return stack[len(parent)]
    if stack and stack[-1] not in parent:
        return stack[-1]
    if isinstance(part.node, Leaf):
        return part.node.weight or part.node.operator or "input"
    return (stack[-1] if stack else "") or "product"


def _modules_around(path: str) -> Stack:
    pieces = path.split(".")
    return tuple(".".join(pieces[:count]) for count in range(1, len(pieces)))


def check_sum(total: float, logit: float, size: float, tolerance: float) -> None:
    """Check that the summands sum to the logit.

    Args:
        total: of the summands.
        logit: as the model computed it.
        size: the sum of the absolute values of the summands, which bounds rounding.
        tolerance: the largest difference, relative to the size.

    Raises:
        ConfigError: they do not.
    """
    if not abs(total - logit) <= tolerance * max(size, 1.0):
        raise ConfigError(
            f"The parts of the residual stream sum to {total:.6f}, and the model's logit is "
            f"{logit:.6f}: something between the stream and the logit was not seen, so nothing is "
            "attributed. Check whether the model computes its logits outside of PyTorch's "
            "operators."
        )
