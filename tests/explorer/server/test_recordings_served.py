"""A recording behind the real server: what the page asks of one is answered over HTTP."""

from __future__ import annotations

import httpx
import pytest

from clearhead.explorer.contract.arrays import decode
from tests.explorer.served import served

LAYERS, HEADS = 10, 8  # more than the 64 heads that the page asks for at once


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    torch = pytest.importorskip("torch")
    import clearhead

    layer = torch.nn.TransformerEncoderLayer(16, HEADS, 32, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False).eval()
    with clearhead.record(model) as recording, torch.no_grad():
        model(torch.randn(1, 5, 16))
    return recording.save(tmp_path_factory.mktemp("recorded") / "many.safetensors")


def test_the_overview_of_many_heads_is_asked_for_layer_by_layer(recording):
    with served("--recording", str(recording)) as server:

        def ask(name, params):
            response = httpx.post(f"{server.base}/api/{name}", json=params, timeout=60)
            assert response.status_code == 200, response.text
            return response

        (part,) = ask("model", {}).json()["parts"]
        assert part["layers"] * part["heads"] == LAYERS * HEADS > 64
        run = ask("run", {"text": ""}).json()["request"]
        question = {"run": run, "part": part["part"]}
        whole = decode(ask("overview", question).content)[1]["weights"]
        assert whole.shape[:2] == (LAYERS, HEADS)
        for start, stop in ((0, 8), (8, LAYERS)):
            page = decode(ask("overview", {**question, "layers": [start, stop]}).content)[1]
            assert (page["weights"] == whole[start:stop]).all()
