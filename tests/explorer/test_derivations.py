"""Every number of every kind of model follows from its operands as its derivation says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clearhead.config import ACTIVATIONS, NORM_PLACES, NORMS, POSITIONS, TransformerConfig
from clearhead.errors import TraceError
from clearhead.explorer.arrays import read, windows
from clearhead.explorer.derivation_snippet import (
    applicable,
    literal,
    operand_values,
    resolved,
    snippet,
)
from clearhead.explorer.derivations import derivations
from clearhead.explorer.edits import Edit, changes_of
from clearhead.explorer.explorer import Explorer
from clearhead.explorer.requests import ArrayItem
from clearhead.reference import Trace, Transformer
from clearhead.reference.step import Step
from clearhead.translation.checkpoint import read_checkpoint
from tests.reference.models import configs, random_ids, random_weights, small_config

SAME = {"rtol": 1e-9, "atol": 1e-12}


class Walked:
    """What windows of arrays are asked from: a trace and the model that it is of."""

    def __init__(self, reference: Transformer, trace: Trace) -> None:
        self.reference, self.trace, self.config = reference, trace, reference.config

    def fetch(self, path: str, where: tuple) -> np.ndarray | float:
        """A slice as the front end gets it: a window, its single places taken out."""
        sizes = windows(self, [ArrayItem(path, None)], 10**9).json["items"][0]["shape"]
        assert len(where) == len(sizes), path
        spans = tuple(
            (0, size) if entry == slice(None) else (entry, entry + 1)
            for entry, size in zip(where, sizes, strict=True)
        )
        array = windows(self, [ArrayItem(path, spans)], 10**9).arrays["0"]
        single = tuple(axis for axis, entry in enumerate(where) if entry != slice(None))
        return array.squeeze(single)


def walked(config: TransformerConfig, seed: int = 0, lengths: tuple[int, int] = (5, 7)) -> Walked:
    rng = np.random.default_rng(seed)
    reference = Transformer(config, random_weights(config, seed))
    trace = Trace(keep="*")
    reference.forward(
        random_ids(rng, config, 1, lengths[0]) if config.encoder_layers else None,
        random_ids(rng, config, 1, lengths[1]) if config.decoder_layers else None,
        trace=trace,
    )
    return Walked(reference, trace)


def as_json(run: Walked, step: Step) -> list[dict]:
    return [found.to_json() for found in derivations(step, run.trace, run.config)]


def computed(run: Walked, step: Step, index: Sequence[int], *, replaced: bool = False) -> float:
    """The value of an element's derivation."""
    derivation = applicable(as_json(run, step), index, replaced=replaced)
    operands = operand_values(derivation, index, run.fetch)
    with np.errstate(all="ignore"):
        return eval(derivation["expression"], {"np": np, "math": math, **operands})


def random_index(rng: np.random.Generator, step: Step) -> tuple[int, ...]:
    return tuple(int(rng.integers(size)) for size in step.shape)


def check_all(run: Walked, seed: int, each: int) -> None:
    """Some elements of every step."""
    rng = np.random.default_rng(seed)
    for step in run.trace:
        for _ in range(each):
            index = random_index(rng, step)
            if step.name == "tokens":
                assert as_json(run, step) == [{"expression": None, "given": True, "operands": []}]
                continue
            value = computed(run, step, index)
            assert np.isclose(value, step.value[index], **SAME), (step.path, index, value)


@cache
def bundled() -> Explorer:
    return Explorer(read_checkpoint("en-fr"))


@settings(max_examples=40)
@given(config=configs(), seed=st.integers(0, 2**32 - 1))
def test_every_step_of_any_model_follows_from_its_operands(
    config: TransformerConfig, seed: int
) -> None:
    check_all(walked(config, seed, lengths=(4, 6)), seed, each=2)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("norm_place", NORM_PLACES)
@pytest.mark.parametrize("norm", NORMS)
def test_every_choice_of_a_config_is_covered(positions: str, norm_place: str, norm: str) -> None:
    chosen = {"positions": positions, "norm_place": norm_place, "norm": norm}
    check_all(walked(small_config(**chosen, num_kv_heads=2)), 0, each=2)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_covered(activation: str) -> None:
    run = walked(small_config(activation=activation, encoder_layers=1, decoder_layers=1))
    for step in run.trace.find("*.feed_forward.hidden"):
        for index in np.ndindex(*step.shape):
            assert np.isclose(computed(run, step, index), step.value[index], **SAME)


@pytest.mark.parametrize("sides", [(2, 0), (0, 2)])
def test_one_sided_models_are_covered(sides: tuple[int, int]) -> None:
    encoder_layers, decoder_layers = sides
    config = small_config(
        encoder_layers=encoder_layers, decoder_layers=decoder_layers, tied_embeddings=False
    )
    check_all(walked(config), 1, each=3)


def every_element(run: Walked, pattern: str, rows: Sequence[int] | None = None) -> None:
    for step in run.trace.find(pattern):
        for index in np.ndindex(*step.shape):
            if rows is None or index[0] in rows:
                value = computed(run, step, index)
                assert np.isclose(value, step.value[index], **SAME), (step.path, index, value)


def test_far_sinusoidal_positions_hold() -> None:
    config = small_config(max_length=2048, d_model=32, encoder_layers=1, decoder_layers=0)
    reference, trace = Transformer(config, random_weights(config)), Trace()
    reference.embed(np.full((1, 2048), 5), "source", trace=trace.at("encoder"))
    run = Walked(reference, trace)
    every_element(run, "encoder.positions", rows=[0, 1, 511, 1000, 1023, 2047])


@pytest.mark.parametrize("heads", [1, 3, 4, 6, 12])
def test_alibi_holds_for_any_number_of_heads(heads: int) -> None:
    config = small_config(
        positions="alibi", num_heads=heads, d_model=2 * heads, encoder_layers=1, decoder_layers=1
    )
    every_element(walked(config), "*.bias")


@pytest.mark.parametrize(("buckets", "farthest"), [(32, 128), (8, 20), (4, 20), (32, 40)])
def test_relative_buckets_hold_for_near_and_far_distances(buckets: int, farthest: int) -> None:
    config = small_config(
        positions="relative",
        relative_buckets=buckets,
        relative_max_distance=farthest,
        max_length=160,
        num_heads=1,
        encoder_layers=1,
        decoder_layers=1,
    )
    run = walked(config, lengths=(150, 150))
    for step in run.trace.find("*.bias"):
        for index in [(0, 0, j) for j in range(150)] + [(0, 149, j) for j in range(150)]:
            assert computed(run, step, index) == step.value[index], index


def test_rotary_positions_hold_in_both_halves_of_a_head() -> None:
    config = small_config(positions="rotary", encoder_layers=1, decoder_layers=0, num_kv_heads=2)
    run = walked(config)
    every_element(run, "*.self_attention.query")
    every_element(run, "*.self_attention.key")


def test_the_bundled_model_says_where_every_number_comes_from() -> None:
    run = bundled().run(_request("The cat sleeps on the mat."))
    answered = bundled().answer("run", {"text": "The cat sleeps on the mat."}).json["steps"]
    assert {step.path for step in run.trace} < {step["path"] for step in answered}
    rng = np.random.default_rng(0)
    source = Walked(run.reference, run.trace)
    for step in answered:
        whole = tuple((0, size) for size in step["shape"])
        index = tuple(int(rng.integers(size)) for size in step["shape"])
        derivation = applicable(step["derivations"], index)
        if derivation.get("given"):
            assert step["path"].endswith(".tokens")
            continue
        operands = operand_values(derivation, index, source.fetch)
        value = eval(derivation["expression"], {"np": np, "math": math, **operands})
        assert np.isclose(value, read(run, step["path"], whole)[index], **SAME), step["path"]


HEAD = {"part": "decoder", "layer": 1, "head": 0}
# One head at temperature 0.5 and then 3 is beyond one formula: those scores are "set by you".
EDITS = [
    {"kind": "ablate_head", "part": "encoder", "layer": 1, "head": 2},
    {"kind": "set_weight", **HEAD, "query": 2, "key": 1, "value": 0.5, "renormalise": True},
    {"kind": "set_weight", **HEAD, "query": 0, "key": 0, "value": 0.5, "renormalise": True},
    {"kind": "set_weight", **HEAD, "query": 3, "key": 0, "value": 0.9, "renormalise": False},
    {"kind": "mask_token", "position": 1},
    {"kind": "swap_token", "position": 0, "token": 300},
    {"kind": "attention_temperature", **HEAD, "head": 3, "value": 2.0},
    {"kind": "attention_temperature", **HEAD, "head": 2, "value": 0.5},
    {"kind": "attention_temperature", **HEAD, "head": 2, "value": 3.0},
    {"kind": "output_temperature", "value": 0.7},
]


def elements(step: dict, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Some elements of a step, and some of those that each edit changes."""
    anywhere = [None] * len(step["shape"])
    return [
        tuple(
            int(rng.integers(size)) if place is None else place
            for size, place in zip(step["shape"], places, strict=True)
        )
        for places in [anywhere, *(edit["index"] for edit in step["replaced_at"])]
        for _ in range(3)
    ]


def changed_by(step: dict, index: tuple[int, ...]) -> list[str]:
    """The kinds of the edits that change an element."""
    edits = [
        EDITS[edit["edit"]]
        for edit in step["replaced_at"]
        if all(place in (None, at) for place, at in zip(edit["index"], index, strict=True))
    ]
    return [edit["kind"] + " for all" * edit.get("renormalise", False) for edit in edits]


def test_in_a_what_if_every_number_follows_from_others_or_was_set_by_you() -> None:
    params = {"text": "The cat sleeps on the mat.", "edits": EDITS}
    run, rng = bundled().run(_request(**params)), np.random.default_rng(3)
    source = Walked(run.reference, run.trace)
    found = set()
    for step in bundled().answer("run", params).json["steps"]:
        if step["path"].endswith((".tokens", ".contributions")):
            continue
        for index in elements(step, rng):
            by = changed_by(step, index)
            derivation = applicable(step["derivations"], index, replaced=bool(by))
            you = derivation["expression"] == "set by you"
            found.add((" and ".join(by), you))
            if you:
                continue
            operands = operand_values(derivation, index, source.fetch)
            value = eval(derivation["expression"], {"np": np, "math": math, **operands})
            shown = run.trace[step["path"]].value[index]
            assert np.isclose(value, shown, **SAME), (step["path"], index)
            if by:
                exec(snippet(derivation, shown, operands), {})
    assert found == {
        ("", False),
        ("ablate_head", True),
        ("set_weight", True),
        ("set_weight for all", False),
        ("mask_token", True),
        ("attention_temperature", False),
        ("attention_temperature and attention_temperature", True),
        ("output_temperature", False),
    }


@pytest.mark.parametrize(("renormalise", "by_you"), [(False, True), (True, False)])
def test_weights_that_share_what_a_set_one_leaves_are_not_set_by_you(
    renormalise: bool, by_you: bool
) -> None:
    edit = {"kind": "set_weight", "part": "cross", "layer": 0, "head": 1, "query": 1, "key": 2}
    edit |= {"value": 0.999, "renormalise": renormalise}
    params = {"text": "The cat sleeps.", "edits": [edit]}
    run = bundled().run(_request(**params))
    path = "decoder.layers.0.cross_attention.weights"
    [step] = [
        step for step in bundled().answer("run", params).json["steps"] if step["path"] == path
    ]
    source = Walked(run.reference, run.trace)
    for key in range(step["shape"][3]):
        touched = renormalise or key == 2
        index = (0, 1, 1, key)
        derivation = applicable(step["derivations"], index, replaced=touched)
        if by_you and touched:
            assert derivation["expression"] == "set by you"
            continue
        operands = operand_values(derivation, index, source.fetch)
        found = eval(derivation["expression"], {"np": np, **operands})
        assert np.isclose(found, run.trace[path].value[index], **SAME)


@pytest.mark.parametrize("lead", [0.0, 5.0, 20.0, 600.0])
def test_what_is_left_is_shared_to_the_last_digit_even_where_one_weight_was_all(
    lead: float,
) -> None:
    config = small_config(encoder_layers=1, decoder_layers=0)
    place = {"part": "encoder", "layer": 0, "head": 1, "query": 2, "key": 3}
    edit = Edit("set_weight", **place, value=0.25, renormalise=True)
    path = "encoder.layers.0.self_attention"

    def ahead(masked: np.ndarray) -> np.ndarray:
        masked[0, 1, 2] = [1.0, 0.5, -0.5, lead, 0.0]
        return masked

    [change] = changes_of([edit], config)[f"{path}.weights"]
    trace = Trace(replace={f"{path}.masked": ahead, f"{path}.weights": lambda x: change(x, None)})
    reference = Transformer(config, random_weights(config))
    reference.forward(np.array([[5, 6, 7, 8, 9]]), trace=trace)
    run, step = Walked(reference, trace), trace[f"{path}.weights"]
    found = [each.to_json() for each in derivations(step, trace, config, [edit])]
    for key in range(5):
        index = (0, 1, 2, key)
        operands = operand_values(found[0], index, run.fetch)
        value = eval(found[0]["expression"], {"np": np, **operands})
        assert np.isclose(value, step.value[index], rtol=1e-9, atol=0.0)
    assert step.value[0, 1, 2].sum() == pytest.approx(1.0, abs=1e-12)


def test_a_row_that_may_attend_to_nothing_has_weights_of_zero() -> None:
    config = small_config(encoder_layers=1, decoder_layers=0)
    reference = Transformer(config, random_weights(config))
    trace = Trace(replace={"*.masked": lambda masked: np.full_like(masked, -np.inf)})
    reference.forward(np.array([[5, 6, 7]]), trace=trace)
    run = Walked(reference, trace)
    weights = trace["encoder.layers.0.self_attention.weights"]
    assert computed(run, weights, (0, 1, 2, 0)) == 0.0 == weights.value[0, 1, 2, 0]


def test_a_foreign_step_is_refused_with_its_name() -> None:
    trace = Trace()
    trace.step("attention.weights", np.eye(2))
    with pytest.raises(TraceError, match=r"'attention.weights' is none of a Transformer's"):
        derivations(trace["attention.weights"], trace, small_config())


def test_no_condition_that_holds_is_an_error() -> None:
    with pytest.raises(TraceError, match=r"None of 1 derivations holds for the element \[4\]"):
        applicable([{"when": {"axis": 0, "mod": 3, "equals": 2}}], [4])


def test_every_label_is_there_in_both_languages() -> None:
    for positions in POSITIONS:
        run = walked(small_config(positions=positions, activation="swiglu"))
        for step in run.trace:
            for derivation in as_json(run, step):
                for operand in derivation["operands"]:
                    assert operand["label"]["en"].strip()
                    assert operand["label"]["pt"].strip()
                    assert operand["label"]["en"] != operand["label"]["pt"]


@given(
    entry=st.fixed_dictionaries(
        {"axis": st.integers(0, 2)},
        optional={
            "times": st.integers(1, 9),
            "floordiv": st.integers(1, 9),
            "mod": st.integers(1, 9),
            "plus": st.integers(-9, 9),
        },
    ),
    index=st.lists(st.integers(0, 100), min_size=3, max_size=3),
)
@example(entry={"axis": 1, "times": 3, "floordiv": 2, "mod": 4, "plus": 5}, index=[0, 7, 0])
def test_an_index_is_multiplied_divided_wrapped_and_shifted(entry: dict, index: list[int]) -> None:
    expected = index[entry["axis"]] * entry.get("times", 1) // entry.get("floordiv", 1)
    expected = expected % entry.get("mod", 10**9) + entry.get("plus", 0)

    def nothing(path: str, where: tuple) -> None:
        raise AssertionError("nothing is to be fetched")

    assert resolved(entry, index, nothing) == expected
    assert resolved({"sum": [entry, 4, entry]}, index, nothing) == 2 * expected + 4


# Snippets


def program(run: Walked, step: Step, index: Sequence[int], *, value: float | None = None) -> str:
    derivation = applicable(as_json(run, step), index)
    shown = step.value[tuple(index)] if value is None else value
    return snippet(derivation, shown, operand_values(derivation, index, run.fetch))


@settings(max_examples=12)
@given(config=configs(), seed=st.integers(0, 2**32 - 1))
def test_a_snippet_runs_by_itself_and_asserts_its_number(
    config: TransformerConfig, seed: int
) -> None:
    run, rng = walked(config, seed, lengths=(3, 4)), np.random.default_rng(seed)
    for step in run.trace:
        if step.name == "tokens":
            continue
        index = random_index(rng, step)
        text = program(run, step, index)
        with np.errstate(all="ignore"):
            exec(text, {})
            value = step.value[index]
            wrong = 0.0 if np.isneginf(value) else value + max(1e-6, 1e-6 * abs(value))
            with pytest.raises(AssertionError):
                exec(program(run, step, index, value=wrong), {})


def test_a_snippet_is_this_text() -> None:
    run = walked(small_config(encoder_layers=1, decoder_layers=0))
    step = run.trace["encoder.layers.0.self_attention.scaled"]
    derivation = applicable(as_json(run, step), (0, 1, 2, 3))
    text = snippet(derivation, 1.25, {"s": 2.5, "head_dim": 4}, heading="a score\nof two")
    assert text == (
        "import numpy as np\n"
        "\n"
        "# a score of two\n"
        "# s: raw score\n"
        "s = 2.5\n"
        "# head_dim: width of one head\n"
        "head_dim = 4\n"
        "value = s / np.sqrt(head_dim)\n"
        "assert np.isclose(value, 1.25, rtol=1e-9, atol=1e-12), value\n"
        "print(value)\n"
    )
    assert "# s: pontuação bruta\n" in snippet(
        derivation, 1.25, {"s": 2.5, "head_dim": 4}, language="pt"
    )


def test_a_given_number_has_no_snippet() -> None:
    run = walked(small_config(encoder_layers=1, decoder_layers=0))
    with pytest.raises(TraceError, match="follows from no others, so there is no snippet"):
        program(run, run.trace["encoder.tokens"], (0, 0))


@given(
    st.lists(st.floats(), min_size=1, max_size=40).map(np.array)
    | st.lists(st.integers(-(2**31), 2**31), min_size=1).map(np.array)
    | st.floats()
    | st.integers()
)
def test_a_literal_makes_the_same_bits_again(value: np.ndarray | float) -> None:
    again = eval(literal(value), {"np": np})
    np.testing.assert_array_equal(again, value)
    if not np.isnan(value).any():
        np.testing.assert_array_equal(np.signbit(again), np.signbit(value))


def test_a_literal_keeps_its_axes_and_its_lines_short() -> None:
    value = np.random.default_rng(0).standard_normal((6, 5))
    text = literal(value)
    assert max(map(len, text.splitlines())) <= 96
    np.testing.assert_array_equal(eval(text, {"np": np}), value)


def _request(text: str, edits: Sequence[dict] = ()):
    from clearhead.explorer.requests import Limits, run_request

    return run_request({"text": text, "edits": list(edits)}, Limits())
