"""`clearhead inspect --ablate`: the loss of a text without each head or layer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.cli.inspect._ablation import Surprise, ablation_json  # noqa: E402
from clearhead.cli.inspect.command import command  # noqa: E402
from clearhead.errors import ConfigError, TextError  # noqa: E402
from clearhead.sweeps.result import Sweep  # noqa: E402
from tests.cli.inspect.hugging_face import TEXT  # noqa: E402
from tests.sweeps.by_hand import measure, with_head  # noqa: E402


def run(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(
        command, list(arguments), catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_the_loss_is_the_models_own(folder):
    document = json.loads(run(folder("gpt2"), "--text", TEXT, "--ablate", "heads", "--json", "-"))
    words = transformers.AutoTokenizer.from_pretrained(folder("gpt2"))
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder("gpt2"), attn_implementation="eager"
    ).eval()
    ids = torch.tensor([words(TEXT)["input_ids"]])
    named = {"input_ids": ids, "labels": ids}

    def loss(output):
        return output.loss

    before = measure(model, named, target=loss)
    assert document["loss"] == pytest.approx(before, abs=1e-4)
    hook = {"transformer.h.1.attn.c_proj": with_head(3, 0.0)}
    rise = measure(model, named, hook, target=loss) - before
    assert document["rises"][1][3] == pytest.approx(rise, abs=1e-4)


def test_pages(folder):
    page = run(folder("gpt2"), "--text", TEXT, "--ablate", "heads", "--top", "3")
    assert "nats a token, with all parts" in page
    assert "rise of the loss without each head" in page
    listed = page.split("most needed")[1].strip().split("\n")[1:4]
    assert len(listed) == 3
    rises = [float(line.split()[0]) for line in listed]
    assert rises == sorted(rises, reverse=True)
    layers = run(folder("t5"), "--text", TEXT, "--target-text", "hello", "--ablate", "layers")
    assert "decoder.block.1" in layers


def test_what_is_refused(folder):
    with pytest.raises(TextError, match="two tokens at least"):
        run(folder("gpt2"), "--text", "The", "--ablate", "heads")
    with pytest.raises(ConfigError, match="leave out --heads, --layers and --save"):
        run(folder("gpt2"), "--text", TEXT, "--ablate", "heads", "--heads")


def test_models_that_fill_masks_are_refused(masked_folder):
    with pytest.raises(ConfigError, match="fills masks"):
        run(masked_folder, "--text", TEXT, "--ablate", "heads")


def test_the_metric_is_the_mean_of_log_p():
    logits = torch.randn(2, 3, 5)
    output = type("Output", (), {"logits": logits})
    log_p = logits.log_softmax(-1)
    truth = (log_p[:, 0, 4] + log_p[:, 1, 1]).mean() / 2
    torch.testing.assert_close(Surprise((2, 4, 1))(output), truth)


def test_json_has_null_where_there_is_no_head():
    axes = {"module": ("a", "b"), "head": ("0", "1")}
    sweep = Sweep("effect", np.array([[-1.0, 0.5], [-2.0, np.nan]]), axes, before=-3.0)
    assert ablation_json(sweep) == {
        "loss": 3.0,
        "axes": {"module": ["a", "b"], "head": ["0", "1"]},
        "rises": [[1.0, -0.5], [2.0, None]],
    }
