"""A recording held against what the oracle saw: exact, refused, wrong or silent."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from clearhead.errors import ClearheadError

from .oracle import Factor, Oracle

TOLERANCE = 1e-5
IN_PARTS = "explicit products + softmax"
CALLED_ATTENTION = re.compile(r"attention|attn", re.IGNORECASE)
NO_ATTENTION = re.compile(
    r"output|intermediate|norm|pool|mask|bias|proj|embed|patch|config|drop|residual|layer$|block$"
    r"|head$|conv|mlp|gate|ffn|cache|position|rotary|stem|encoder$|decoder$|model|stage|blocks|transformer",
    re.IGNORECASE,
)


@dataclass
class Verdict:
    """What was found of one run; `status` says the worst of it."""

    attentions: int = 0
    maps: int = 0
    exact: int = 0
    worst: float = 0.0
    refused: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    crash: str = ""

    @property
    def status(self) -> str:
        if self.crash:
            return "crashed"
        if self.wrong:
            return "WRONG"
        if self.silent:
            return "SILENT"
        if self.refused:
            return "refused"
        return "exact" if self.maps else "no attention"


def same_bits(one: Any, other: Any) -> bool:
    """Tell whether all tensors of two results are equal, NaN being equal to NaN."""
    return all(
        x.shape == y.shape
        and torch.equal(x.isnan(), y.isnan())
        and bool((x == y)[~x.isnan()].all())
        for x, y in zip(tensors(one), tensors(other), strict=True)
    )


def tensors(result: Any) -> list[Tensor]:
    """Return all tensors in a result, of whatever class it is."""
    leaves = tree_leaves(result)
    for leaf in list(leaves):
        if not isinstance(leaf, Tensor) and hasattr(leaf, "__dict__"):
            leaves.extend(x for x in tree_leaves(vars(leaf)) if isinstance(x, Tensor))
    return [x.detach() for x in leaves if isinstance(x, Tensor)]


def related(one: str, other: str) -> bool:
    """Tell whether a module is another or lies within it."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.") or not one


def judge(recording: Any, oracle: Oracle, model: nn.Module, verdict: Verdict) -> None:
    """Add to a verdict how the maps compare, and what there is no map of."""
    matches: list[Factor] = []
    for name in recording:
        for number in range(recording.count_calls(name)):
            try:
                one = recording[name, number]
            except ClearheadError:
                continue
            verdict.maps += 1
            weights = one.dense()
            match, error, where = best_match(weights, name, oracle.factors)
            if match is None and one.source.kernel == IN_PARTS:
                match, error, where = best_rows(weights, name, oracle.softmaxes)
            if match is not None and match.attention and (off := sums_off(weights)) > TOLERANCE:
                match, error, where = None, off, "its rows do not sum to 1"
            if match is None:
                verdict.wrong.append(
                    f"{name or '(the model)'} {tuple(one.shape)} {one.source.kind}, "
                    f"{one.source.kernel}: {where}, off by {error:.2g}{notes(one)}"
                )
            else:
                matches.append(match)
                verdict.exact += 1
                verdict.worst = max(verdict.worst, error)
    verdict.refused = {name: refusal.why for name, refusal in recording.refusals.items()}
    verdict.attentions = sum(factor.attention for factor in oracle.factors)
    verdict.silent = silent(recording, oracle, model, matches)


def notes(one: Any) -> str:
    """Return a map's own notes, but for those on compiled graphs: there are none here."""
    remarks = [note for note in one.source.notes if "compiled" not in note]
    return f"; its notes: {'; '.join(remarks)}" if remarks else ""


def silent(recording: Any, oracle: Oracle, model: nn.Module, matches: list[Factor]) -> list[str]:
    """Return the attentions that have neither a map nor a refusal."""
    names_in_recording = [*recording.keys()]
    sentences = []
    for factor in oracle.factors:
        has_map = any(factor is other for other in matches) or equal_to_one(factor, matches)
        if (
            factor.attention
            and not has_map
            and not any(related(factor.module, one) for one in names_in_recording)
        ):
            sentences.append(
                f"{factor.module or '(the model)'}: weights {tuple(factor.weights.shape)}"
            )
    modules = dict(model.named_modules())
    for name in oracle.ran:
        kind = type(modules[name]).__name__
        if not CALLED_ATTENTION.search(kind) or NO_ATTENTION.search(kind):
            continue
        is_busy = any(one == name or one.startswith(f"{name}.") for one in oracle.busy)
        if is_busy and not any(related(name, one) for one in names_in_recording):
            sentences.append(f"{name or '(the model)'} ({kind}): nothing is said of it")
    return list(dict.fromkeys(sentences))


def equal_to_one(factor: Factor, matches: list[Factor]) -> bool:
    return any(
        other.weights.shape == factor.weights.shape
        and float((other.weights.double() - factor.weights.double()).abs().max()) < TOLERANCE
        for other in matches
    )


def best_match(
    weights: Tensor, name: str, factors: list[Factor]
) -> tuple[Factor | None, float, str]:
    """Return the oracle's factor that equals a map, how far off it is, and why there is none."""
    if weights.shape[-1] == 1 and bool((weights == 1).all()):
        return Factor(name, weights, False, False, 0.0), 0.0, ""  # of one key, no more can be said
    own = [one for one in factors if related(one.module, name)]
    one, error = nearest(weights, own)
    if one is not None:
        return one, error, ""
    other, elsewhere = nearest(weights, [one for one in factors if not related(one.module, name)])
    if other is not None:
        return None, 0.0, f"these are the weights of {other.module or '(the model)'}"
    queries, keys = weights.shape[-2:]
    if min(error, elsewhere) == float("inf"):
        return None, error, f"nothing of {queries} queries and {keys} keys met values"
    return None, min(error, elsewhere), "no such weights met values"


def best_rows(
    weights: Tensor, name: str, softmaxes: list[tuple[str, Tensor]]
) -> tuple[Factor | None, float, str]:
    """Do what `best_match` does for weights that met values in parts: bands, blocks, columns.

    Each row must have the weights of some row of a softmax, whose order of keys is its own; where
    the keys are is compared in the tests of these models.
    """
    rows = weights.flatten(0, -2).double()
    rows = rows[rows.any(-1)].sort(-1, descending=True).values
    least = float("inf")
    for module, result in softmaxes:
        if not related(module, name):
            continue
        theirs = result.flatten(0, -2).double().nan_to_num(0.0).sort(-1, descending=True).values
        width = min(theirs.shape[1], rows.shape[1])
        rest = max(float(x[:, width:].sum(-1).max()) for x in (theirs, rows))
        off = furthest(rows[:, :width], theirs[:, :width])
        least = min(least, max(off, rest))
        if least <= TOLERANCE:
            return Factor(name, weights, False, True, 0.0), least, ""
    return None, least, "no such rows came from a softmax"


def furthest(rows: Tensor, others: Tensor) -> float:
    """Return how far a row may be from the other that is nearest to it, by a random projection."""
    direction = torch.rand(rows.shape[1], dtype=rows.dtype, generator=torch.manual_seed(0))
    places, order = (others @ direction).sort()
    near = torch.searchsorted(places, rows @ direction)
    candidates = torch.stack([near - 1, near]).clamp(0, len(others) - 1)
    return float((others[order[candidates]] - rows).abs().amax(-1).amin(0).max())


def nearest(weights: Tensor, factors: list[Factor]) -> tuple[Factor | None, float]:
    """Return the first factor that equals a map, or None, and the least difference."""
    queries, keys = weights.shape[-2:]
    least = float("inf")
    weights = weights.double()
    for one in factors:
        theirs = trimmed(one.weights, keys)
        for each in () if theirs is None else with_queries(theirs, queries):
            error = difference(weights, each.double().nan_to_num(0.0))  # of dead rows: zeros
            least = min(least, error)
            if error <= max(TOLERANCE, one.rounding):
                return one, error
    return None, least


def with_queries(weights: Tensor, queries: int) -> list[Tensor]:
    """Return matrices of so many rows: heads that share keys may lie along the queries' axis."""
    rows = weights.shape[-2]
    if rows == queries:
        return [weights]
    if rows % queries:
        return []
    straight = weights.unflatten(-2, (-1, queries))
    return [straight, weights.unflatten(-2, (queries, -1)).transpose(-2, -3)]


def sums_off(weights: Tensor) -> float:
    """Return how far the rows are from a sum of 1, or of 0 where a query attends to nothing."""
    sums = weights.double().sum(-1)
    return float(torch.minimum((sums - 1).abs(), sums.abs()).max())


def trimmed(weights: Tensor, keys: int) -> Tensor | None:
    """Remove keys at the end that no query attends to; None where there are fewer or more."""
    if weights.shape[-1] < keys or bool(weights[..., keys:].any()):
        return None
    return weights[..., :keys]


def difference(one: Tensor, other: Tensor) -> float:
    """Return the difference of a map's matrices to those of a factor, in the order of either.

    A map [batch, heads, queries, keys] may come from [batch * heads, queries, keys]; whether
    batch and heads are in their places is another question (`row_errors`).
    """
    if one.shape == other.shape:
        return largest(one, other)
    one, other = one.flatten(0, -3), other.reshape(-1, *other.shape[-2:])
    if one.shape == other.shape:
        straight = largest(one, other)
        if straight <= TOLERANCE:
            return straight
    one, other = one.flatten(1), other.flatten(1)
    generator = torch.Generator().manual_seed(0)
    lines = torch.randn(one.shape[1], 4, generator=generator, dtype=torch.float64)
    closest = torch.cdist(one @ lines, other @ lines).argmin(-1)
    return largest(one, other[closest])


def largest(one: Tensor, other: Tensor) -> float:
    """Return the largest difference; NaN is equal to NaN alone."""
    if not torch.equal(one.isnan(), other.isnan()):
        return sys.float_info.max
    return float((one - other).nan_to_num(0.0, float("inf")).abs().max())


def row_errors(whole: Any, alone: list[Any]) -> list[str]:
    """Compare maps of a batch with those of its rows alone: batch must be the first axis."""
    sentences = []
    for name in whole:
        for row, other in enumerate(alone):
            if name not in other or name in whole.refusals or name in other.refusals:
                continue
            pairs = zip(whole.calls(name), other.calls(name), strict=False)
            for number, (one, single) in enumerate(pairs):
                error = row_error(one, single, row, len(alone))
                if error > 1e-3:
                    sentences.append(
                        f"{name} call {number}: row {row} of the batch {tuple(one.shape)} is not "
                        f"the map {tuple(single.shape)} of that row alone, off by "
                        f"{error:.2g}{notes(one)}"
                    )
    return sentences


def row_error(one: Any, single: Any, row: int, rows: int) -> float:
    """Return the error of one row; 0 where rows are not the batch, or the map cannot tell."""
    batch, per_row = one.shape[0], single.shape[0]
    if any("told apart" in note for note in one.source.notes):
        return 0.0
    if batch != rows * per_row or one.shape[1:] != single.shape[1:]:
        return 0.0
    return float((one.dense()[row * per_row : (row + 1) * per_row] - single.dense()).abs().max())
