"""The best head, by hand and against the trace; crossings of ribbons."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.discoveries.alignment import agreement, between_words, crossing_of, peak
from clearhead.explorer.discoveries.trials import HiddenWords, hide_each_word


def word(text, start, stop):
    return {"text": text, "start": start, "stop": stop}


def test_agreement_by_hand():
    # Two predicted tokens; hiding the first word costs the first 0.6, the second word, of two
    # tokens, costs the second 0.3 and brings the first something.
    before = np.log([0.8, 0.5])
    after = np.log([[0.2, 0.5], [0.9, 0.2]])
    hidden = HiddenWords((word("a", 0, 1), word("bc", 1, 3)), 2, (0, 1), before, after)
    np.testing.assert_allclose(hidden.costs, [[0.6, 0], [0, 0.3]], atol=1e-12)
    weights = np.array(
        [[[0.5, 0.1, 0.2, 0.2], [0.1, 0.4, 0.4, 0.1]], [[0, 1, 0, 0], [0.7, 0.1, 0.1, 0.1]]]
    )
    expected = [(0.6 * 0.5 + 0.3 * 0.8) / 0.9, (0.6 * 0 + 0.3 * 0.2) / 0.9]
    np.testing.assert_allclose(agreement(weights, hidden), expected, atol=1e-12)


def test_peak_is_the_mean_of_the_largest_weights_of_some_keys():
    weights = np.array([[[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]])
    np.testing.assert_allclose(peak(weights, [1, 2]), [(0.3 + 0.8) / 2])


def test_weights_between_words_are_means_of_rows_and_sums_over_tokens():
    table = np.arange(12.0).reshape(3, 4)
    queries, keys = [word("a", 0, 1), word("b", 1, 3)], [word("x", 0, 2), word("y", 3, 4)]
    np.testing.assert_array_equal(between_words(table, queries, keys), [[1, 3], [13, 9]])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([[0.9, 0.1, 0], [0, 0.1, 0.9], [0, 0.8, 0.1]], [1, 2]),
        ([[0.9, 0], [0, 0.9]], None),
        ([[0, 0.5], [0.9, 0]], None),  # one of them is not sure
        ([[0, 0, 0.6], [0, 0.7, 0], [0.9, 0, 0]], [1, 2]),  # the stronger of two neighbours
        ([[0, 0, 1], [0, 0.2, 0], [1, 0, 0]], [0, 2]),  # no neighbours cross
        ([[0, 0, 1], [0.6, 0, 0], [0.55, 0, 0]], [0, 1]),
        (np.zeros((0, 3)), None),
        (np.zeros((2, 0)), None),
    ],
)
def test_words_cross_where_they_draw_on_words_that_stand_the_other_way_round(weights, expected):
    assert crossing_of(np.array(weights)) == expected


def test_the_answer_is_of_the_head_that_agrees_best(explorer):
    answer = explorer.answer("run", {"text": "Where is the old house?", "target": "le vieil"}).json
    run = explorer.run(RunQuestion(**answer["request"]))
    alignment = explorer.answer("alignment", {"run": answer["request"]}).json
    assert alignment["part"] == "cross"
    assert alignment["measure"] == "agreement"
    scores = [head["score"] for head in alignment["heads"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 8
    best = alignment["heads"][0]
    path = f"decoder.layers.{best['layer']}.cross_attention.weights"
    table = run.trace[path].value[0, best["head"]]
    hidden = hide_each_word(run)
    places = list(hidden.places)
    np.testing.assert_allclose(best["score"], agreement(table[None, places], hidden)[0], rtol=1e-6)
    assert [one["text"] for one in alignment["keys"]] == ["Where", "is", "the", "old", "house", "?"]
    assert "".join(one["text"] for one in alignment["queries"]).startswith("le")
    for row, query in zip(alignment["weights"], alignment["queries"], strict=True):
        rows = table[query["start"] : query["stop"]].mean(axis=0)
        for weight, key in zip(row, alignment["keys"], strict=True):
            assert weight == pytest.approx(rows[key["start"] : key["stop"]].sum(), abs=1e-12)


def test_a_decoder_alone_draws_on_all_that_it_has_read(gpt2):
    run = gpt2.answer("run", {"text": "Once upon a time", "new_tokens": 4}).json
    alignment = gpt2.answer("alignment", {"run": run["request"]}).json
    assert alignment["part"] == "decoder"
    assert [one["text"] for one in alignment["keys"][:4]] == ["Once", "upon", "a", "time"]
    assert alignment["of"] == 4
    prompt = run["prompt"]
    assert alignment["queries"][0]["start"] == prompt - 1
    assert alignment["queries"][-1]["stop"] == prompt - 1 + 4
    for row, query in zip(alignment["weights"], alignment["queries"], strict=True):
        for weight, key in zip(row, alignment["keys"], strict=True):
            assert key["start"] < query["stop"] or weight == 0


def test_hidden_words_of_an_encoder_are_the_words_that_look(bert):
    run = bert.answer("run", {"text": "The [MASK] cat sleeps on the [MASK]."}).json
    alignment = bert.answer("alignment", {"run": run["request"]}).json
    masks = [place for place, token in enumerate(run["source"]) if token["piece"] == "[MASK]"]
    assert [(one["start"], one["stop"]) for one in alignment["queries"]] == [
        (place, place + 1) for place in masks
    ]
    assert "[MASK]" not in [one["text"] for one in alignment["keys"]]


def test_without_predictions_the_peak_tells(vectors):
    run = vectors.answer("run", {"text": "The black cat"}).json
    alignment = vectors.answer("alignment", {"run": run["request"]}).json
    assert (alignment["measure"], alignment["trials"], alignment["crossing"]) == ("peak", 0, None)
    assert alignment["queries"] == alignment["keys"]


def test_a_text_without_a_word_has_no_peak():
    assert peak(np.full((2, 3, 3), 1 / 3), []).tolist() == [0, 0]
