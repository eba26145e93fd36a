"""One run of ``generate`` in a recording: which queries wrote which tokens of which sequence."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...errors import TraceError
from ...shapes import Int
from ..attention_map import AttentionMap
from ..generation.generation import Generation
from ..generation.some_queries import some_queries
from ..scores.part_scoring import scoring_of_keys
from .beams import map_of_call
from .calls import FinishedCall, Refusal
from .contents import Contents
from .growing_call import GrowingCall
from .steps.lineage import gather_rows

_Call = GrowingCall | FinishedCall
_CROSS_ALONE = (
    " Whether cross-attention goes on, the self-attention before it tells: record it, too, where "
    "layers= chose cross-attention alone."
)


def generation_of(
    contents: Contents,
    prompt: Tensor | int,
    output: Any = None,
    *,
    decoder_prompt: Tensor | int | None = None,
) -> Generation:
    """Return one run of ``generate`` that was recorded.

    Args:
        contents: of the recording.
        prompt: the ids passed to ``generate``, or their number; for an encoder-decoder those of the
            encoder.
        output: what ``generate`` returned. Beam search needs it, with
            ``return_dict_in_generate=True``, because its hypotheses are not the rows of the last
            step. Without it, every recorded query from the end of the prompt on counts as having
            predicted a token.
        decoder_prompt: the ids with which the decoder of an encoder-decoder began, or their number,
            if there were several.

    Raises:
        TraceError: the recording does not hold exactly one run of ``generate``, or the run does not
            fit the prompt and output.
    """
    calls = _calls_of_one_run(contents)
    kinds = {name: _kind(call) for name, call in calls.items()}
    cross = "cross" in kinds.values()
    one = next(iter(calls.values()))
    begin = _length(decoder_prompt if cross else prompt) or _first_queries(one)
    beams = getattr(output, "beam_indices", None)
    builders: dict[str, Callable[[], AttentionMap]]
    if beams is not None:
        paths = _paths(one, begin, beams.cpu())
        lengths = [int(count) for count in (beams >= 0).sum(1)]
        prefill = paths.shape[1] - max(lengths)
        _check_paths(calls, paths, [prefill + length for length in lengths])
        queries = [begin + length - 1 for length in lengths]
        builders = {name: partial(_of_paths, call, paths, queries) for name, call in calls.items()}
        return Generation(builders, kinds, begin - 1, lengths)
    if any(isinstance(call, GrowingCall) and call.lineage.is_reordered for call in calls.values()):
        raise TraceError(
            "The rows of the batch changed places while tokens were written, as in beam search, "
            "and only generate() knows which of them became a sequence: call it with "
            "return_dict_in_generate=True, and give recording.generation(prompt, output)."
        )
    queries_end = _queries_end(one, begin, getattr(output, "sequences", output))
    builders = {
        name: partial(_whole, contents, call, queries_end, kinds[name])
        for name, call in calls.items()
    }
    batch = _shape(one)[0]
    return Generation(builders, kinds, begin - 1, [queries_end - begin + 1] * batch)


class _Shape(NamedTuple):
    """The sizes of a call."""

    batch: int
    queries: int
    steps: tuple[int, ...]


def _shape(call: _Call) -> _Shape:
    if isinstance(call, GrowingCall):
        steps = tuple(part.query_len for part in call.parts)
        return _Shape(call.lineage.batch, call.query.length, steps)
    batch, _, queries, _ = call.result.shape
    return _Shape(batch, queries, (queries,))


def _kind(call: _Call) -> str:
    return call.kind if isinstance(call, GrowingCall) else call.result.source.kind


def _calls_of_one_run(contents: Contents) -> dict[str, _Call]:
    """Return the attentions that predicted tokens: those with the steps of the last module.

    Raises:
        TraceError: a module has several calls, or could not be read.
    """
    last = next(reversed(contents.calls.values()), None)
    if last is None:
        raise TraceError("The recording holds no attention, so it holds no run of generate().")
    steps = _shape(last[-1]) if not isinstance(last[-1], Refusal) else None
    calls: dict[str, _Call] = {}
    for name, of_module in contents.calls.items():
        for call in of_module:
            if isinstance(call, Refusal):
                raise TraceError(
                    f"The attention of {name!r} could not be read: {call.why}. Record other "
                    "modules alone: record(model, layers=...)."
                )
        readable = [call for call in of_module if not isinstance(call, Refusal)]
        same = [call for call in readable if _shape(call) == steps]
        if same and len(readable) > 1:
            raise TraceError(
                f"{name!r} was called {len(readable)} times by what is not one generation step by "
                "step with a cache: record one run of generate() at a time, with use_cache=True."
                + (_CROSS_ALONE if _kind(same[0]) == "cross" else "")
            )
        if same:
            calls[name] = same[0]
    _check_layers(contents, calls)
    return calls


def _check_layers(contents: Contents, calls: dict[str, _Call]) -> None:
    """Check that no layer is missing between others.

    Raises:
        TraceError: a layer made other steps.
    """
    stacks = {re.sub(r"\d+", "*", name) for name in calls}
    for name in contents.calls:
        if name not in calls and re.sub(r"\d+", "*", name) in stacks:
            raise TraceError(
                f"{name!r} made other steps than the layers beside it, so that they are not one "
                "run of generate(). Printing the recording shows the calls of each."
            )


def _length(prompt: Tensor | int | None) -> int:
    if prompt is None:
        return 0
    return prompt if isinstance(prompt, int) else int(prompt.shape[-1])


def _first_queries(one: _Call) -> int:
    """Return the length of a decoder's prompt, as the steps show it.

    Raises:
        TraceError: they do not.
    """
    steps = _shape(one).steps
    if any(count > 1 for count in steps[1:]) or not isinstance(one, GrowingCall):
        raise TraceError(
            f"Steps of {', '.join(map(str, steps))} queries do not tell with how many tokens the "
            "decoder began: pass decoder_prompt=, which is 1 if it began with its start token "
            "alone."
        )
    return steps[0]


def _queries_end(one: _Call, begin: int, sequences: Tensor | None) -> int:
    """Return how many of the recorded queries belong to the prompt or to new tokens.

    Raises:
        TraceError: the sequences are others, or nothing follows the prompt.
    """
    batch, queries, steps = _shape(one)
    if queries < begin:
        raise TraceError(
            f"The prompt has {begin} tokens, and only {queries} queries were recorded: give the "
            "ids that generate() was given, and record with use_cache=True."
        )
    if sequences is None:
        return queries
    last_query = int(sequences.shape[-1]) - 1
    # The last step may end with drafted tokens that were rejected.
    if sequences.shape[0] != batch or not begin <= last_query <= queries < last_query + steps[-1]:
        raise TraceError(
            f"The output has {list(sequences.shape)} tokens, and {batch} rows of {queries} "
            "queries were recorded, where a sequence has one query for each token but the last. "
            "Give what generate() returned in the recorded block, and for beam search with "
            "return_dict_in_generate=True."
        )
    return last_query


def _whole(contents: Contents, call: _Call, queries: int, kind: str) -> AttentionMap:
    """Return the map of a call, cut off behind one of its queries."""
    one = map_of_call(contents, call) if isinstance(call, GrowingCall) else call.map()
    if not isinstance(one, AttentionMap):
        raise TraceError(
            "Queries and keys are needed, and only summaries were recorded: record without "
            "summaries=."
        )
    count = one.shape[2]
    if count == queries:
        return one
    shorter = some_queries(one, 0, queries)
    return shorter if kind == "cross" else _without_last_keys(shorter, count - queries)


def _without_last_keys(one: AttentionMap, count: int) -> AttentionMap:
    """Return a map without keys that none of its queries attends to."""
    keys = slice(0, one.shape[3] - count)
    labels = one.key_labels
    return AttentionMap(
        one.query,
        one.key[:, :, keys],
        scoring_of_keys(one.scoring, one.shape[2], one.shape[3] - count),
        value=None if one.value is None else one.value[:, :, keys],
        denominators=one.known_denominators,
        source=one.source,
        query_labels=one.query_labels,
        key_labels=None if labels is None else [row[keys] for row in labels],
        query_offset=one.query_offset,
    )


# Beams


def _paths(
    one: _Call, begin: int, beams: Int[Tensor, "sequences new"]
) -> Int[Tensor, "sequences steps"]:
    """Return, for each hypothesis, its row in each step.

    Raises:
        TraceError: the steps do not fit the beams.
    """
    if not isinstance(one, GrowingCall):
        raise TraceError(
            "A file holds the beams of the last step, each with its ancestors, and not those that "
            "ended before. Ask for the generation before saving the recording."
        )
    batch, _, steps = _shape(one)
    ends = [sum(steps[:count]) for count in range(len(steps) + 1)]
    new = int((beams >= 0).sum(1).max())
    if begin not in ends or int(beams.max()) >= batch:
        raise TraceError(
            f"The output has beams of {int(beams.max()) + 1} rows or more behind a prompt of "
            f"{begin} tokens, and steps of {', '.join(map(str, steps))} queries of {batch} rows "
            "were recorded: give the prompt and the output of the generate() that was recorded."
        )
    prefill = ends.index(begin)  # steps that read the prompt; the last of them predicted a token
    if prefill - 1 + new > len(steps):
        raise TraceError(
            f"The output has {new} new tokens, and {len(steps) - prefill + 1} were recorded: give "
            "the output of the generate() that was recorded."
        )
    paths = torch.empty(len(beams), prefill - 1 + new, dtype=torch.long)
    paths[:, :prefill] = beams[:, :1]
    for token in range(1, new):
        rows = beams[:, token].long()
        paths[:, prefill - 1 + token] = torch.where(rows >= 0, rows, paths[:, prefill - 2 + token])
    return paths


def _check_paths(
    calls: dict[str, _Call], paths: Int[Tensor, "sequences steps"], steps: Sequence[int]
) -> None:
    """Check that the keys of each hypothesis are those of its ancestors.

    Args:
        calls: by module.
        paths: of the hypotheses.
        steps: how many of them each hypothesis has.

    Raises:
        TraceError: they are not.
    """
    for name, call in calls.items():
        assert isinstance(call, GrowingCall)
        for path, count in zip(paths, steps, strict=True):
            if not _fits(call, path[None, :count]):
                raise TraceError(
                    f"The beams of the output are not those of the recording: the keys of {name!r} "
                    "say that other rows were continued. Give what generate() returned in the "
                    "recorded block."
                )


def _fits(call: GrowingCall, path: Int[Tensor, "1 steps"]) -> bool:
    """Return whether the keys along a path are those of the ancestors of its last row."""
    own = call.lineage.paths_of(path[:, -1], path.shape[1] - 1)
    if call.lineage.uncertain or torch.equal(own, path):
        return True
    last = path.shape[1] == call.steps
    key_len = call.length if last else call.lineage.keys_before(path.shape[1])
    keys = call.key.tensor[:, :, :key_len]
    one, other = (gather_rows(keys, call.lineage.key_rows(x, key_len)) for x in (path, own))
    return torch.equal(one, other)


def _of_paths(
    call: _Call, paths: Int[Tensor, "sequences steps"], queries: Sequence[int]
) -> AttentionMap:
    assert isinstance(call, GrowingCall)
    return call.map_of(paths, queries)
