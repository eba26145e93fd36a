"""Files that are a recording, and files that are none."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.errors import TraceError
from clearhead.maps.recording.reading import load_recording
from tests.maps.attending import Calls, recorded
from tests.strangers import split

torch.manual_seed(0)
Q, K = torch.randn(2, 4, 5, 8), torch.randn(2, 2, 7, 8)


@pytest.mark.parametrize("size", [1.0, 4e4])
def test_a_file_of_the_format_before_is_read(size, tmp_path):
    """It had a log-sum-exp alone, which is used only where its rounding does not show."""
    model = Calls(lambda: sdpa(Q * size, K, K, enable_gqa=True))
    recording = recorded(model, model)
    path = recording.save(tmp_path / "one")
    with safe_open(path, "pt") as file:
        described = json.loads(file.metadata()["clearhead.recording"])
    described["format"] = 1
    map_ = described["modules"][0]["calls"][0]["map"]
    assert map_.pop("denominators") is None
    assert map_.pop("added_in") is None
    assert map_["lse"] is not None
    save_file(load_file(path), path, {"clearhead.recording": json.dumps(described)})
    other = load_recording(path)[0]
    assert (other.known_lse is not None) == (size == 1.0)
    assert torch.equal(recording[0].dense(), other.dense())
    truth = recording[0].dense()[..., 3]
    torch.testing.assert_close(other.column(3), truth, rtol=0, atol=1e-6)


def damaged(tmp_path, how):
    mask = torch.ones(5, 7).tril().bool()
    model = Calls(lambda: sdpa(Q, K, K, attn_mask=mask, enable_gqa=True))
    path = recorded(model, model).save(tmp_path / "one")
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "text":
        path.write_text("not a recording")
    elif how == "missing":
        path.unlink()
    elif how == "foreign":
        save_file({"weight": torch.ones(2)}, path)
    elif how == "newer":
        save_file({}, path, {"clearhead.recording": json.dumps({"format": 99})})
    elif how == "tensors":
        described = split(content)[0]["__metadata__"]
        save_file({"x": torch.ones(1)}, path, described)
    return path


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut", "It is missing or damaged"),
        ("text", "It is missing or damaged"),
        ("missing", "It is missing or damaged"),
        ("foreign", "but not a recording"),
        ("newer", "has format 99, and this version of clearhead reads formats 1 and 2"),
        ("tensors", "its description does not fit its tensors"),
    ],
)
def test_what_is_no_recording_is_an_error_that_says_so(how, words, tmp_path):
    path = damaged(tmp_path, how)
    with pytest.raises(TraceError, match=words) as error:
        load_recording(path)
    assert str(path) in str(error.value)
