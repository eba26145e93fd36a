from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

import clearhead
from clearhead.cli.main import main
from clearhead.cli.trace.command import command
from clearhead.config import TransformerConfig
from clearhead.errors import CheckpointError, ConfigError, MissingExtraError, ShapeError, TraceError
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.weights import expected_shapes
from clearhead.text.tokenizer import Tokenizer

TEXT, TARGET = "I love tea.", "J'aime le thé."
LAYERS, HEADS, HEAD_DIM = 2, 4, 8


def write_model(folder: Path, **settings: object) -> Path:
    """A small model with random weights."""
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer.train([TEXT, TARGET, "I would like a cup of tea."] * 20, 300)
    shape = {
        "vocab_size": tokenizer.vocab_size,
        "d_model": HEADS * HEAD_DIM,
        "num_heads": HEADS,
        "num_kv_heads": 2,
        "encoder_layers": LAYERS,
        "decoder_layers": LAYERS,
        "feed_forward_dim": 48,
        "max_length": 40,
    }
    config = TransformerConfig.from_dict({**shape, **settings})
    rng = np.random.default_rng(0)
    weights = {
        name: (rng.normal(size=size) * 0.3).astype(np.float32)
        for name, size in expected_shapes(config).items()
    }
    save_file(weights, folder / "model.safetensors")
    tokenizer.save(folder / "tokenizer.json")
    content = {"format": 1, "model": config.to_dict(), "provenance": {}}
    (folder / "config.json").write_text(json.dumps(content), "utf-8")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("model")))


def output(model: str, *arguments: str, target: str | None = TARGET, text: str = TEXT) -> str:
    options = ["--target", target] if target is not None else []
    result = CliRunner().invoke(
        command, [text, "--model", model, *options, *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def as_json(model: str, *arguments: str, **options: str | None) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(output(model, "--json", *arguments, **options), parse_constant=refuse)


def array(step: dict) -> np.ndarray:
    """A step's value as NumPy has it: null is -inf."""
    value = np.array(step["value"], dtype=float)
    return np.where(np.isnan(value), -np.inf, value)


@pytest.mark.parametrize("part", ["encoder", "decoder", "cross"])
@pytest.mark.parametrize(("layer", "head"), [(0, 0), (1, 3)])
def test_the_steps_of_a_head_follow_from_one_another(model, part, layer, head):
    content = as_json(model, "--part", part, "--layer", str(layer), "--head", str(head))["head"]
    steps = {name: array(step) for name, step in content["steps"].items()}
    assert content["head"] == head
    scores = steps["query"] @ steps["key"].T
    np.testing.assert_allclose(steps["scores"], scores, atol=1e-10)
    np.testing.assert_allclose(steps["scaled"], scores / np.sqrt(HEAD_DIM), atol=1e-10)
    visible_keys = np.isfinite(steps["masked"])
    if part == "decoder":
        np.testing.assert_array_equal(visible_keys, np.tril(np.ones_like(visible_keys)))
    else:
        assert visible_keys.all()
    np.testing.assert_array_equal(steps["masked"][visible_keys], steps["scaled"][visible_keys])
    powers = np.exp(steps["masked"])
    weights = powers / powers.sum(-1, keepdims=True)
    np.testing.assert_allclose(steps["weights"], weights, atol=1e-12)
    parts = weights[:, :, None] * steps["value"]
    np.testing.assert_allclose(steps["contributions"], parts, atol=1e-12)
    np.testing.assert_allclose(steps["output"], parts.sum(1), atol=1e-10)


def test_the_text_as_the_model_reads_it_is_told(model):
    text = "I love <b>tea</b>."
    message = f"The model does not read the text as it is typed, but: {TEXT}"
    assert message in " ".join(output(model, text=text).split())
    assert as_json(model, text=text)["read"] == TEXT
    assert "does not read" not in output(model)
    assert as_json(model)["read"] == TEXT


def test_the_page_has_its_sections_in_order(model):
    page = output(model, "--part", "decoder")
    titles = [
        "Tokens",
        "Head 0 of decoder.layers.0.self_attention",
        *(f"{name} = " for name in step_names()),
        "The 10 likeliest next tokens",
        "Reference (NumPy, float64) against the fast models",
    ]
    places = [page.index(f"\n{title}") for title in titles]
    assert places == sorted(places)
    assert page.startswith(f"{TEXT}\n{TARGET}\n")
    assert "\x1b" not in page


def step_names() -> list[str]:
    return [
        "query", "key", "value", "scores", "scaled", "masked", "weights", "contributions", "output",
    ]  # fmt: skip


def test_the_spelled_out_sums_are_right(model):
    page = output(model, "--query", "2")
    number = r"(-?[\d.]+)"
    score, root = (
        re.search(rf"products = {number}", page),
        re.search(rf"/ {number} = {number}", page),
    )
    assert float(root[2]) == pytest.approx(float(score[1]) / np.sqrt(HEAD_DIM), abs=2e-3)
    above, below, weight = re.search(
        rf"row = {number} / {number} = {number};", page.replace("\n", " ")
    ).groups()
    assert float(weight) == pytest.approx(float(above) / float(below), abs=2e-3)
    assert float(above) == pytest.approx(np.exp(float(root[2])), rel=2e-3)


def test_the_decoder_cannot_see_what_is_still_to_come(model):
    target_len = 9
    page = output(model, "--part", "decoder", "--query", "3")
    masked = page[page.index("\nmasked = ") : page.index("\nweights = ")]
    assert masked.count(" ///") == target_len * (target_len - 1) / 2 + 1  # 1 in the sentence
    assert "Row 3 may not attend to 5 of the 9 keys" in masked


def test_the_likeliest_tokens_are_those_of_the_traced_probabilities(model):
    content = as_json(model, "--position", "2")
    trace = clearhead.trace(TEXT, model=model, target=TARGET)
    row = trace["probabilities"].value[0, 2]
    shares = [entry["probability"] for entry in content["next"]]
    assert shares == pytest.approx(np.sort(row)[::-1][:10], abs=1e-15)
    assert row.sum() == pytest.approx(1)


def test_a_likely_taken_token_is_marked(model):
    likeliest = as_json(model)["next"][0]["token"]
    page = output(model, target=None)
    tokens = as_json(model, target=None)["target_tokens"]
    marked = re.search(r"\d  (\S+) .*<- taken|taken: (\S+)", page)
    assert tokens[1] in marked.groups()
    assert likeliest in page


def test_the_fast_models_agree_with_the_reference(model):
    content = as_json(model, target=None)["differences"]
    assert list(content) == ["NumPy, float32, key-value cache", "PyTorch, float32, clearhead.nn"]
    assert all(0 < difference < 1e-4 for difference in content.values())


def test_without_pytorch_it_says_so_and_goes_on(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert as_json(model)["differences"]["PyTorch, float32, clearhead.nn"] is None
    assert 'not installed; pip install "clearhead[torch]"' in output(model)


def test_path_prints_the_steps_that_match(model):
    page = output(model, "--path", "*.layers.0.*attention.weights")
    assert re.findall(r"^\S+ = ", page, re.M) == [
        f"{path}.weights = "
        for path in (
            "encoder.layers.0.self_attention",
            "decoder.layers.0.self_attention",
            "decoder.layers.0.cross_attention",
        )
    ]
    assert "1 batch x 4 heads x 9 query_len x 7 key_len" in page
    content = as_json(model, "--path", "encoder.tokens")
    assert content["steps"]["encoder.tokens"]["shape"] == [1, 7]
    assert "head" not in content


def test_save_writes_a_trace_that_can_be_loaded(model, tmp_path):
    file = tmp_path / "tea.safetensors"
    output(model, "--save", str(file))
    loaded = Trace.load(file)
    trace = clearhead.trace(TEXT, model=model, target=TARGET)
    assert loaded.paths == trace.paths
    name = "decoder.layers.1.cross_attention.weights"
    np.testing.assert_array_equal(loaded[name].value, trace[name].value)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_plot_draws_a_picture(model, tmp_path, ending):
    file = tmp_path / f"head.{ending}"
    output(model, "--part", "decoder", "--plot", str(file))
    content = file.read_bytes()
    if ending == "png":
        assert content.startswith(b"\x89PNG")
    else:
        drawing = ElementTree.fromstring(content)
        hatched = [
            use for use in drawing.iter() if "url(#" in use.get("style", "") + use.get("fill", "")
        ]
        assert len(hatched) >= 2 * 36  # nine tokens: 36 cells are masked in each panel


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            ["--layer", "2"],
            ConfigError,
            "--layer must be between 0 and 1 in the model's cross part; it is 2.",
        ),
        (
            ["--layer", "-1"],
            ConfigError,
            "--layer must be between 0 and 1 in the model's cross part; it is -1.",
        ),
        (
            ["--head", "4"],
            ConfigError,
            "--head must be between 0 and 3 in decoder.layers.0.cross_attention; it is 4.",
        ),
        (["--query", "9"], ConfigError, "--query must be between 0 and 8 here; it is 9."),
        (["--position", "-1"], ConfigError, "--position must be between 0 and 8 here; it is -1."),
        (
            ["--plot", "head.pdf"],
            ConfigError,
            "--plot writes .png or .svg files; 'head.pdf' is neither.",
        ),
        (
            ["--path", "decoder.layers.0.weights"],
            TraceError,
            "There are, for example: decoder.layers.0.",
        ),
        (["--model", "nowhere"], CheckpointError, "There is no model 'nowhere'"),
    ],
)
def test_what_cannot_be_done_is_said(model, arguments, error, message):
    with pytest.raises(error) as raised:
        output(model, *arguments)
    assert message in str(raised.value)


def test_a_text_that_is_too_long_is_refused(model):
    with pytest.raises(ShapeError, match="max_length"):
        output(model, text="I love tea. " * 20)


def test_an_error_of_ours_is_one_line_and_exit_status_2(model, capsys):
    with pytest.raises(SystemExit) as exit_error:
        main(["trace", TEXT, "--model", model, "--layer", "9"])
    assert exit_error.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("clearhead: --layer must be between 0 and 1")
    assert printed.err.count("\n") == 1


def test_a_picture_without_matplotlib_names_the_extra(model, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=re.escape('pip install "clearhead[plots]"')):
        output(model, "--plot", str(tmp_path / "head.png"))


@pytest.mark.parametrize("positions", ["rotary", "alibi", "relative", "learned"])
def test_every_kind_of_position_can_be_traced(tmp_path, positions):
    folder = str(write_model(tmp_path / positions, positions=positions))
    steps = as_json(folder, "--part", "encoder")["head"]["steps"]
    page = output(folder, "--part", "encoder", "--query", "2")
    biased = positions in ("alibi", "relative")
    assert ("bias" in steps) == ("\nbias = " in page) == biased
    if biased:
        masked = array(steps["scaled"]) + array(steps["bias"])
        np.testing.assert_allclose(array(steps["masked"]), masked, atol=1e-12)
        numbers = re.search(r"Row 2, column \d: (-?[\d.]+) ([+-]) ([\d.]+) = (-?[\d.]+)", page)
        bias = float(numbers[3]) * (1 if numbers[2] == "+" else -1)
        assert float(numbers[1]) + bias == pytest.approx(float(numbers[4]), abs=2e-3)
