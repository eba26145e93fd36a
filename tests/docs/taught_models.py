"""Small models that learnt a few sentences, under the names of those that the guides show.

The guides name real models; without a network, folders of these names stand in their place. Each
has learnt its sentences by heart, so that what it says is no accident of its first weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tokenizers import (  # noqa: E402
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

T5 = "google-t5/t5-small"
GPT2 = "openai-community/gpt2"
BERT = "google-bert/bert-base-uncased"
VIT = "google/vit-base-patch16-224"

PREFIX = "translate English to French: "
PAIRS = {
    "Where is the station?": "Où est la gare ?",
    "The train is late.": "Le train est en retard.",
    "Good evening.": "Bonsoir.",
    "I love tea.": "J'adore le thé.",
}
CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo"}
FACTS = [f"The capital of {land} is {city}." for land, city in CAPITALS.items()]


def _learn(model: Any, batch: dict[str, Any], steps: int, rate: float) -> None:
    """Fit a model to one batch, until it knows it by heart."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1, f"{type(model).__name__} has not learnt its sentences: {loss:.3f}"
    model.eval()


def _padded(rows: list[list[int]], padding: int) -> Any:
    length = max(map(len, rows))
    return torch.tensor([row + [padding] * (length - len(row)) for row in rows])


def save_t5(folder: Path) -> None:
    """A T5 that translates `PAIRS` when it is told to."""
    texts = " ".join([PREFIX, *PAIRS, *PAIRS.values()])
    # Written out, because training such a vocabulary gives another order every time.
    words = {f"▁{word.rstrip('.:')}" for word in texts.replace("?", " ?").split()}
    pieces = [*sorted(words), *sorted({*texts.replace(" ", "▁")} - words)]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocabulary += [(piece, -1.0 if piece in words else -3.0) for piece in pieces]
    core = Tokenizer(models.Unigram(vocabulary, unk_id=2))
    core.normalizer = normalizers.NFKC()
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Metaspace()
    core.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=len(tokenizer), d_model=48, d_kv=12, d_ff=64, num_layers=2, num_heads=4,
        dropout_rate=0.0, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
        task_specific_params={
            "translation_en_to_fr": {"prefix": PREFIX, "num_beams": 4, "max_length": 40,
                                     "early_stopping": True},
            "translation_en_to_de": {"prefix": "translate English to German: ", "num_beams": 4},
        },
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config)
    sources = tokenizer([PREFIX + source for source in PAIRS], padding=True, return_tensors="pt")
    targets = _padded([tokenizer(text).input_ids for text in PAIRS.values()], -100)
    batch = {"input_ids": sources.input_ids, "attention_mask": sources.attention_mask}
    _learn(model, {**batch, "labels": targets}, steps=80, rate=1e-2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_gpt2(folder: Path) -> None:
    """A GPT-2 that knows four capitals."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        FACTS * 2,
        trainers.BpeTrainer(
            vocab_size=330, special_tokens=["<|endoftext|>"], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), min_frequency=1,
        ),
    )  # fmt: skip
    end = "<|endoftext|>"
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token=end, eos_token=end, unk_token=end
    )
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_embd=48, n_layer=4, n_head=4, n_positions=64,
        initializer_range=0.1, embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0, bos_token_id=0,
        eos_token_id=0,
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config)
    ids = _padded([[*tokenizer(text).input_ids, 0] for text in FACTS], 0)
    # What stands before the name of a land says nothing of it.
    labels = ids.clone()
    labels[:, :4] = -100
    _learn(model, {"input_ids": ids, "labels": labels}, steps=50, rate=5e-3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_bert(folder: Path) -> None:
    """A BERT that knows the same capitals, and which land each is of."""
    words = sorted({*" ".join(FACTS).lower().replace(".", " .").split()})
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters]
    pieces += [f"##{letter}" for letter in letters]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    core.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=32,
    )  # fmt: skip
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=48, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=32, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, initializer_range=0.1,
    )  # fmt: skip
    model = transformers.BertForMaskedLM(config)
    ids = tokenizer(FACTS, padding=True, return_tensors="pt").input_ids
    masked, labels = [], []
    for place in (4, 6):  # of the land, and of the city
        row = ids.clone()
        row[:, place] = 4
        label = torch.full_like(ids, -100)
        label[:, place] = ids[:, place]
        masked.append(row)
        labels.append(label)
    batch = {"input_ids": torch.cat(masked), "labels": torch.cat(labels)}
    _learn(model, batch, steps=60, rate=5e-3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_vit(folder: Path) -> None:
    """A ViT that tells the day from the night by how bright an image is."""
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32,
        image_size=8, patch_size=4, id2label={0: "night", 1: "day"}, hidden_dropout_prob=0.0,
        label2id={"night": 0, "day": 1},
    )  # fmt: skip
    model = transformers.ViTForImageClassification(config)
    pixels = (
        torch.randn(16, 3, 8, 8) * 0.1 + torch.tensor([-0.7, 0.7]).repeat(8)[:, None, None, None]
    )
    batch = {"pixel_values": pixels, "labels": torch.tensor([0, 1]).repeat(8)}
    _learn(model, batch, steps=40, rate=5e-3)
    model.save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 8, "width": 8}).save_pretrained(folder)


MODELS: dict[str, Callable[[Path], None]] = {
    T5: save_t5,
    GPT2: save_gpt2,
    BERT: save_bert,
    VIT: save_vit,
}


def save_all(root: Path, names: Iterable[str] = tuple(MODELS)) -> None:
    """Save models below a folder, under their names on the hub, and a photograph."""
    Image = pytest.importorskip("PIL.Image")
    Image.new("RGB", (32, 24), (230, 225, 210)).save(root / "photograph.png")
    for name in names:
        MODELS[name](root / name)
