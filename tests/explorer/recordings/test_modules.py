"""What of a recording can be shown, in which parts, and under which names."""

from __future__ import annotations

import pytest
import torch

import clearhead
from clearhead.errors import ConfigError, ShapeError
from clearhead.explorer.recordings.modules import Labels, Module, modules_of
from clearhead.maps import AttentionMap, Source


def a_map(queries: int = 5, keys: int = 5, *, kind: str = "self", batch: int = 2) -> AttentionMap:
    query, key = torch.zeros(batch, 2, queries, 4), torch.zeros(batch, 2, keys, 4)
    return AttentionMap.of(query, key, source=Source(module="m", kind=kind))


def parts(maps: dict[str, AttentionMap]) -> list[tuple[str, int]]:
    return [(module.part, module.layer) for module in modules_of(maps)[0]]


def test_the_only_stack_of_a_kind_is_called_after_it() -> None:
    maps = {f"layers.{layer}.attention": a_map() for layer in (0, 1)}
    maps["layers.1.cross"] = a_map(3, 5, kind="cross")
    assert parts(maps) == [("self", 0), ("self", 1), ("cross", 0)]


def test_layers_of_other_shapes_are_parts_of_their_own() -> None:
    maps = {"layers.0.attention": a_map(5, 5), "layers.1.attention": a_map(3, 3)}
    assert parts(maps) == [("layers.*.attention", 0), ("layers.*.attention (2)", 0)]


def test_two_stacks_have_the_names_of_their_modules() -> None:
    maps = {"encoder.0": a_map(), "decoder.0": a_map(), "encoder.1": a_map()}
    assert parts(maps) == [("encoder.*", 0), ("decoder.*", 0), ("encoder.*", 1)]


def test_a_map_alone_is_a_module() -> None:
    ((module,), notes) = modules_of(a_map())
    assert (module.path, module.part, notes) == ("m", "self", [])
    ((nameless,), _) = modules_of(AttentionMap.of(torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 2, 4)))
    assert nameless.path == "attention"


def test_what_has_no_entries_is_left_out_and_said() -> None:
    modules, notes = modules_of({"full": a_map(), "empty": a_map(5, 0)})
    assert [module.path for module in modules] == ["full"]
    assert notes == ["empty: nothing attended in it (its shape is 2 x 2 x 5 x 0 x 4)."]
    with pytest.raises(ConfigError, match=r"nothing to show in this recording\. empty: nothing"):
        modules_of({"empty": a_map(5, 0)})


@pytest.mark.parametrize("recorded", [[1, 2], {"a": 1}, None])
def test_what_is_no_recording_is_refused(recorded: object) -> None:
    with pytest.raises(
        ConfigError, match=f"of AttentionMaps by name; got {type(recorded).__name__}"
    ):
        modules_of(recorded)


def test_an_empty_recording_is_refused() -> None:
    with clearhead.record(torch.nn.Linear(2, 2)) as recording:
        pass
    with pytest.raises(ConfigError, match="No module attended while it was recorded"):
        modules_of(recording)


SELF, CROSS = Module("s", a_map(3, 3)), Module("c", a_map(3, 4, kind="cross"))


@pytest.mark.parametrize(
    ("module", "side", "names"),
    [
        (SELF, "query", "abc"),
        (SELF, "key", "abc"),
        (CROSS, "query", "abc"),
        (CROSS, "key", "wxyz"),
        (Module("e", a_map(4, 4)), "key", "wxyz"),  # the encoder's, as its length says
        (Module("o", a_map(2, 2)), "key", "01"),
    ],
)
def test_names_stand_where_their_number_fits(module: Module, side: str, names: str) -> None:
    labels = Labels(list("abc"), [list("----"), list("wxyz")])
    assert labels.of(module, side, row=1) == list(names)


def test_where_both_texts_fit_keys_of_cross_attention_are_of_the_source() -> None:
    labels, cross = Labels(list("abc"), list("xyz")), Module("c", a_map(3, 3, kind="cross"))
    assert labels.of(cross, "query", 0) == list("abc")
    assert labels.of(cross, "key", 0) == list("xyz")
    assert labels.of(SELF, "key", 0) == list("abc")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (Labels(list("abcde")), r"tokens names 5 positions, .* sequences of 3 or 4; give as many"),
        (Labels(None, list("ab")), "source_tokens names 2 positions"),
        (Labels([list("abc")] * 3), "tokens has 3 lists, and the recording 2 rows"),
    ],
)
def test_names_that_fit_nothing_are_refused(labels: Labels, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        labels.check([SELF, CROSS])


def test_names_that_fit_something_pass() -> None:
    Labels(list("abc"), [list("wxyz")] * 2).check([SELF, CROSS])
    Labels().check([SELF])
