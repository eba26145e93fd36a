"""From text to text: with a scripted model where words matter, a random one where numbers do."""

from __future__ import annotations

import random
import re
import subprocess
import sys

import numpy as np
import pytest

from clearhead.config import TransformerConfig
from clearhead.errors import ConfigError, TextError
from clearhead.text.tokenizer import Tokenizer
from clearhead.translation.checkpoint import bundled_models
from clearhead.translation.directions.languages import Languages
from clearhead.translation.translator import Translator
from tests.processor_time import at_most_processor_seconds

WORDS = "the old man walks to a house by river with tea cup station young woman where is I like"


class Scripted:
    """An engine that answers with a function of the source's text; then with worse answers."""

    def __init__(self, tokenizer, *functions):
        self.tokenizer, self.functions = tokenizer, functions
        self.vocab_size = tokenizer.vocab_size
        self.questions = []

    def begin(self, sources):
        texts = [self.tokenizer.decode(source[:-1]) for source in sources]
        self.questions += texts
        targets = [
            [[*self.tokenizer.encode(function(text)), 2] for function in self.functions]
            for text in texts
        ]
        return ScriptedDecoding(targets, self.vocab_size)


class ScriptedDecoding:
    def __init__(self, targets, vocab_size):
        self.targets, self.vocab_size = targets, vocab_size
        self.rows = None

    def advance(self, tokens, parents):
        if self.rows is None:
            self.rows = [(self.targets[parent], ()) for parent in parents]
        else:
            self.rows = [
                (self.rows[parent][0], (*self.rows[parent][1], token))
                for token, parent in zip(tokens.tolist(), parents.tolist(), strict=True)
            ]
        log_probs = np.full((len(self.rows), self.vocab_size), -30.0, np.float32)
        log_probs[:, 2] = -60.0
        for row, (targets, prefix) in enumerate(self.rows):
            for rank, target in reversed(list(enumerate(targets))):
                if tuple(target[: len(prefix)]) == prefix and len(target) > len(prefix):
                    log_probs[row, target[len(prefix)]] = -0.1 - rank
        return log_probs


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(["vous avez un message"] * 3, 300)


@pytest.fixture
def scripted(tokenizer):
    def make(*functions, max_length=400):
        config = TransformerConfig(vocab_size=tokenizer.vocab_size, max_length=max_length)
        return Translator(Scripted(tokenizer, *functions), tokenizer, config)

    return make


def test_the_shape_of_a_text_is_kept(scripted):
    translator = scripted(str.upper)
    text = "  one. Two!\n\n- three\r\n\tfour \n12:30\n😀 five 😀\x00six"
    assert translator.translate(text).text == (
        "  ONE. TWO!\n\n- THREE\r\n\tFOUR \n12:30\n😀 FIVE 😀\x00SIX"
    )


@pytest.mark.parametrize("text", ["", " ", "\n", "\n\n \n", "123", "...", "😀", "\x00\x07", "—"])
def test_what_has_no_words_is_kept_and_the_model_not_asked(scripted, text):
    translator = scripted(str.upper)
    translation = translator.translate(text)
    assert translation.text == text
    assert translation.score == 0.0
    assert translation.tokens == ()
    assert translator.engine.questions == []


def test_a_list_gives_a_list_in_order_and_repeats_are_asked_once(scripted):
    translator = scripted(str.upper)
    texts = ["a cat", "a dog here", "a cat", "", "a bird. a cat"]
    results = translator.translate(texts)
    assert [translation.text for translation in results] == [text.upper() for text in texts]
    assert [translation.source for translation in results] == texts
    assert sorted(translator.engine.questions) == ["a bird. a cat", "a cat", "a dog here"]
    assert translator.translate([]) == []


def test_sentences_are_translated_apart_unless_told_not_to(scripted):
    translator = scripted(str.upper)
    translator.translate("One. Two.")
    translator.translate("Three. Four.", split=False)
    assert sorted(translator.engine.questions) == ["One.", "Three. Four.", "Two."]


def test_nothing_is_cut_from_a_text_longer_than_the_model(scripted):
    translator = scripted(str.upper, max_length=40)
    text = "".join(f"it goes {'on' * times}, " for times in range(1, 20)) + "and here it stops."
    assert translator.translate(text).text == text.upper()
    assert len(translator.engine.questions) > 10


def test_a_sentence_is_cut_where_training_had_no_more_positions(tokenizer):
    config = TransformerConfig(vocab_size=tokenizer.vocab_size, max_length=400)
    engine = Scripted(tokenizer, str.upper)
    provenance = {"settings": {"data": {"max_tokens": 50}}}
    translator = Translator(engine, tokenizer, config, provenance=provenance)
    assert translator.longest_source == 40
    text = "".join(f"it goes {'on' * times}, " for times in range(1, 9)) + "and stops."
    assert translator.translate(text).text == text.upper()
    assert max(len(tokenizer.encode(text)) for text in engine.questions) in range(25, 41)


def test_the_model_reads_plain_spaces(scripted):
    translator = scripted(str.upper)
    assert translator.translate("one\u00a0two  three\u202f!").text == "ONE TWO THREE !"


def test_the_model_reads_plain_quotation_marks(scripted):
    translator = scripted(str.upper)
    assert translator.translate("don\u2019t say \u201cno\u201d").text == 'DON\'T SAY "NO"'


MESSAGE = "Hello {name}, you have %d messages."


def test_stand_ins_take_the_place_of_placeholders(scripted):
    def model(text):
        return text.replace("Hello", "Bonjour").replace("messages", "lettres")

    translator = scripted(model)
    assert translator.translate(MESSAGE).text == "Bonjour {name}, you have %d lettres."
    assert translator.engine.questions == ["Hello Tom, you have 37 messages."]


def test_a_lower_hypothesis_that_keeps_a_number_is_taken(scripted):
    translator = scripted(lambda text: "J'ai trois chats.", lambda text: "J'ai 3 chats.")
    assert translator.translate("I have 3 cats.").text == "J'ai 3 chats."
    free = translator.translate("I have 3 cats.", protect=False)
    assert free.text == "J'ai trois chats."


@pytest.mark.parametrize(
    "text",
    [
        MESSAGE,
        "See https://a.example/b?c=1, 12 May 2020.",
        "Click <b>here</b> and write to a@b.example!",
        "%1$s gave {{x}} to %2$s for 1,234.50 dollars",
        "I ❤️ tea and #music",
    ],
)
def test_spans_survive_a_model_that_keeps_nothing(scripted, text):
    translation = scripted(lambda source: "Bla bla.").translate(text)
    for span in re.findall(
        r"https:\S+(?=,)|[\w.]+@\S+(?=!)|%\S+|\{+\w+\}+|</?b>|\d[\d,.]*\d|❤️", text
    ):
        assert span in translation.text
    assert "bla" in translation.text.lower()


def test_a_line_in_is_a_line_out_whatever_the_model_says(scripted):
    translator = scripted(lambda text: "deux\nlignes\u2028et\x00plus")
    assert translator.translate("some words").text == "deux lignes et plus"


def test_n_best(scripted):
    translator = scripted(lambda text: "premier", lambda text: "second", lambda text: "tiers")
    translation = translator.translate("a word", n_best=3, normalization="none")
    assert [other.text for other in translation.alternatives] == ["premier", "second", "tiers"]
    scores = [other.score for other in translation.alternatives]
    assert scores == sorted(scores, reverse=True)
    assert translation.text == "premier"
    assert translation.score == scores[0]
    assert translator.translate("a word").alternatives == ()


def test_target_prefix(translator):
    first, second = translator.translate(
        ["Where is it? Here it is.", "I like tea"], target_prefix="la gare", max_length=12
    )
    assert first.segments[0].text.startswith("la gare")
    assert second.text.startswith("la gare")
    assert not first.segments[2].text.startswith("la gare")
    with pytest.raises(ConfigError, match="one for each of the 2 texts; 3 came"):
        translator.translate(["a", "b"], target_prefix=["x", "y", "z"])


def test_tokens_scores_and_alignment_belong_together(translator):
    translation = translator.translate("Where is the house? I like tea.", alignment=True)
    read = "".join(translation.source_tokens).replace("▁", " ")
    assert read == " Where is the house? I like tea."
    first, second = (segment for segment in translation.segments if not segment.kept)
    assert translation.tokens == first.tokens + second.tokens
    assert translation.score == pytest.approx(first.log_prob + second.log_prob)
    assert first.log_prob == pytest.approx(sum(first.token_log_probs))
    assert len(first.token_log_probs) == len(first.tokens) + 1
    rows, columns = len(first.tokens), len(first.source_tokens)
    assert translation.alignment.shape == (len(translation.tokens), len(translation.source_tokens))
    assert (translation.alignment[:rows, columns:] == 0).all()
    np.testing.assert_array_equal(translation.alignment[:rows, :columns], first.alignment)
    sums = first.alignment.sum(axis=1)
    assert ((sums > 0) & (sums <= 1 + 1e-5)).all()
    assert len(translation.pairs()) == len(translation.tokens)
    assert translator.translate("I like tea").alignment is None


def test_score_is_the_models_log_probability(translator):
    translation = translator.translate("I like tea.", beam_size=1)
    tokenizer = translator.tokenizer
    ids = [[*tokenizer.encode("I like tea."), 2]]
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    target = [pieces.index(token) for token in translation.tokens]
    model = translator.engine.model
    log_probs = model.log_probabilities(np.array(ids), np.array([[1, *target]]))[0]
    price = sum(float(log_probs[place, token]) for place, token in enumerate([*target, 2]))
    assert translation.score == pytest.approx(price, abs=1e-3)


def sentences(count):
    generator = random.Random(5)
    return [
        " ".join(generator.choices(WORDS.split(), k=generator.randint(1, 14))).capitalize()
        for _ in range(count)
    ]


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_thousand_sentences_whatever_the_batch(translator, beam_size):
    texts = list(dict.fromkeys(sentences(1100)))[:1000]
    options = {"beam_size": beam_size, "max_length": 6}
    whole = translator.translate(texts, batch_tokens=4000, **options)
    shuffled = random.Random(1).sample(range(1000), 1000)
    small = translator.translate([texts[i] for i in shuffled], batch_tokens=300, **options)
    for place, translation in zip(shuffled, small, strict=True):
        assert translation.tokens == whole[place].tokens
        assert translation.score == whole[place].score
    for place in range(0, 1000, 20):
        alone = translator.translate(texts[place], **options)
        assert alone.tokens == whole[place].tokens
        assert alone.score == whole[place].score
    assert len({translation.text for translation in whole}) > 300


@pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")
def test_the_bundled_model_does_not_look_at_neighbours_either():
    translator = Translator.load("en-fr")
    texts = sentences(40)
    whole = translator.translate(texts, beam_size=2)
    small = translator.translate(texts[::-1], beam_size=2, batch_tokens=30)[::-1]
    for together, apart in zip(whole, small, strict=True):
        assert (together.tokens, together.score) == (apart.tokens, apart.score)


def test_sampling_is_repeatable_and_depends_on_its_seed(translator):
    texts = sentences(12)
    options = {"sample": True, "top_k": 20, "max_length": 8}
    first = [t.text for t in translator.translate(texts, seed=1, **options)]
    assert [t.text for t in translator.translate(texts[::-1], seed=1, **options)] == first[::-1]
    assert [t.text for t in translator.translate(texts, seed=2, **options)] != first


@pytest.mark.parametrize(
    "text",
    [*(unit * 100_000 for unit in "a\x01😀?ñ"), "a " * 2000, "今" * 2000],
    ids=lambda text: ascii(text[:2]),
)
def test_strange_texts_are_answered_in_bounded_time(translator, text):
    with at_most_processor_seconds(60):
        translation = translator.translate(text, beam_size=1)
    assert len(translation.tokens) <= 3 * len(translation.source_tokens) + 20 * len(
        translation.segments
    )


def test_what_is_no_text_is_refused_with_its_place(translator):
    with pytest.raises(TextError, match=r"Text 1: The text holds a lone surrogate \(U\+DC80\)"):
        translator.translate(["good", "bad \udc80"])
    with pytest.raises(TypeError, match="text 1 is of type bytes"):
        translator.translate(["good", b"bad"])
    with pytest.raises(TextError, match="Text 0: A text may have 1,000,000 characters"):
        translator.translate("a" * 1_000_001)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 64}, "what the model has positions for, 63 tokens"),
        ({"batch_tokens": 0}, "batch_tokens must be at least 1; it is 0."),
        ({"beams": 4}, "Unknown search setting 'beams'"),
        (
            {"alignment": True, "alignment_layer": 2},
            "one of the decoder's 2 layers, -2 to 1; it is 2",
        ),
        (
            {"alignment": True, "alignment_rows": "both"},
            "alignment_rows must be output or input; it is 'both'",
        ),
    ],
)
def test_settings_that_cannot_be(translator, options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        translator.translate("the cat", **options)


def test_words_are_aligned_with_their_counterparts():
    """By the rows that predict them; those that read a word look at the next one already."""
    bundled = Translator.load("en-fr")
    texts = ["Tom is in Boston.", "I never saw Mary without her cat."]
    counterparts = {"▁Tom": "▁Tom", "▁Boston": "▁Boston", "▁Mary": "▁Mary", "▁jamais": "▁never"}
    results = {"output": [], "input": []}
    for rows, right in results.items():
        for one in bundled.translate(texts, alignment=True, alignment_rows=rows):
            for source, target in one.pairs():
                if (word := counterparts.get(one.tokens[target])) in one.source_tokens:
                    right.append(one.source_tokens[source] == word)
    assert len(results["output"]) >= 3
    assert sum(results["output"]) >= len(results["output"]) - 1
    assert sum(results["input"]) <= 1


def test_no_alignment_without_an_aligner(scripted):
    with pytest.raises(ConfigError, match="engine gives no alignments"):
        scripted(str.upper).translate("a", alignment=True)


def test_progress_counts_up(scripted):
    counts = []
    scripted(str.upper).translate(
        ["a cat", "a dog", "a long bird"], batch_tokens=1, on_progress=counts.append
    )
    assert counts == [1, 2, 3, 3]


def test_no_torch(model_folder):
    code = f"""
import sys
sys.path[:0] = {sys.path!r}
from clearhead.translation.directions.languages import Languages
from clearhead.translation.translator import Translator
Translator.load({str(model_folder)!r}).translate("the cat", max_length=4, alignment=True)
loaded = {{name.split(".")[0] for name in sys.modules}}
sys.exit(" ".join(loaded & {{"torch", "rich", "sacrebleu", "matplotlib"}}) or None)
"""
    process = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert (process.returncode, process.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("« Bonjour ! »", "“BONJOUR !”"),
        ("Attention : Le chien mord.", "ATTENTION: LE CHIEN MORD."),
        ("« Où vas-tu ? » Marie : Viens.", "“OÙ VAS-TU ?” Marie: VIENS."),
        ("« Oui » !\n- Non.", "“OUI”!\n- NON."),
        ("Il y a 12 500 chats.", "IL Y A 12 500 CHATS."),
        ("M. Dupont est là. Bien.", "M. DUPONT EST LÀ. BIEN."),
    ],
)
def test_a_french_text_is_read_as_french_and_comes_out_in_english_marks(tokenizer, text, expected):
    config = TransformerConfig(vocab_size=tokenizer.vocab_size, max_length=400)
    engine = Scripted(tokenizer, str.upper)
    translator = Translator(engine, tokenizer, config, languages=Languages("fr", "en"))
    translation = translator.translate(text)
    assert translation.text == expected
    assert "".join(segment.source for segment in translation.segments) == text
    if text.startswith("M. Dupont"):
        assert sorted(engine.questions) == ["Bien.", "M. Dupont est là."]
