"""Each row of a batch of trials is what the same edit by itself does."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.contract.edits import AblateHead, MaskToken
from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.discoveries import trials
from clearhead.explorer.discoveries.trials import hide_each_word, silence_each_head
from clearhead.explorer.passes import rows

TEXT = "Where is the old house?"
GIVEN = {"ours": {"text": TEXT, "target": "le vieil homme"},
         "gpt2": {"text": "Once upon a time", "new_tokens": 3},
         "bert": {"text": "The [MASK] cat sleeps on the [MASK]."}}  # fmt: skip


@pytest.fixture(params=list(GIVEN))
def explored(request, explorer):
    """An explorer of each kind of model, and a run of it."""
    name = request.param
    each = explorer if name == "ours" else request.getfixturevalue(name)
    return each, each.run(RunQuestion(**GIVEN[name]))


def log_probability_with(each, run, edits):
    """Of the run's own words, in a run of its own that has these edits."""
    own = run.passage.target_ids
    request = run.request.model_copy(update={"edits": edits, "target": None, "target_ids": own})
    return each.run(request).log_probability


def test_hiding_a_word_costs_what_its_edit_costs(explored):
    each, run = explored
    hidden = hide_each_word(run)
    assert len(hidden.words) == hidden.count >= 4
    for number, word in enumerate(hidden.words):
        edits = tuple(MaskToken(position=at) for at in range(word["start"], word["stop"]))
        after = log_probability_with(each, run, edits)
        assert hidden.drops[number] == pytest.approx(run.log_probability - after, abs=2e-4)
    costs = hidden.costs
    expected = np.exp(hidden.before) - np.exp(hidden.after)
    assert costs.shape == (len(hidden.words), len(hidden.places))
    np.testing.assert_array_equal(costs, np.where(expected > 0, expected, 0))
    assert hidden.nbytes == hidden.before.nbytes + hidden.after.nbytes


def test_a_silent_head_costs_what_its_edit_costs(explored):
    each, run = explored
    silent = silence_each_head(run)
    assert len(silent.heads) == silent.count == len(set(silent.heads))
    for head, drop in zip(silent.heads, silent.drops, strict=True):
        edit = AblateHead(part=head.part, layer=head.layer, head=head.head)
        after = log_probability_with(each, run, (edit,))
        assert drop == pytest.approx(run.log_probability - after, abs=2e-4)


def test_trials_come_on_top_of_the_edits_of_the_run(explorer):
    edit = {"kind": "mask_token", "position": 1}
    run = explorer.run(RunQuestion(text=TEXT, target="le vieil homme", edits=(MaskToken(**edit),)))
    hidden = hide_each_word(run)
    drops = {word["start"]: drop for word, drop in zip(hidden.words, hidden.drops, strict=True)}
    assert drops[1] == pytest.approx(0, abs=1e-5)  # it is hidden already
    assert max(abs(drop) for drop in drops.values()) > 0.01


def test_as_many_trials_are_made_as_their_products_allow(explorer, monkeypatch):
    run = explorer.run(RunQuestion(text=TEXT, target="le vieil homme"))
    whole = hide_each_word(run)
    for bound in ("FEWEST", "MOST"):
        monkeypatch.setattr(trials, bound, 3)
    assert len(silence_each_head(run).heads) == 3
    assert silence_each_head(run).count == 24
    some = hide_each_word(run)
    assert (len(some.words), some.count) == (3, whole.count)
    numbers = [whole.words.index(word) for word in some.words]
    assert numbers == sorted(numbers)
    np.testing.assert_allclose(some.drops, whole.drops[numbers], atol=1e-5)


def test_the_cost_of_a_trial_is_counted(explorer, monkeypatch):
    run = explorer.run(RunQuestion(text=TEXT, target="le vieil homme"))
    sizes = {name: array.size for name, array in run.models.weights.items()}
    encoder = sum(size for name, size in sizes.items() if name.startswith("encoder."))
    decoder = sum(size for name, size in sizes.items() if name.startswith("decoder."))
    config = run.config
    products = encoder * len(run.source) + decoder * len(run.target)
    products += config.vocab_size * config.d_model * len(run.predicted)
    monkeypatch.setattr(trials, "MOST_PRODUCTS", 20 * products)
    assert trials.affordable(run) == 20
    monkeypatch.setattr(trials, "MOST_PRODUCTS", 20 * products - 1)
    assert trials.affordable(run) == 19
    monkeypatch.setattr(trials, "MOST_PRODUCTS", 0)
    assert trials.affordable(run) == trials.FEWEST


def test_rows_that_do_not_fit_at_once_are_computed_some_at_a_time(explored, monkeypatch):
    _, run = explored
    hidden, silent = hide_each_word(run), silence_each_head(run)
    monkeypatch.setattr(rows, "MOST_NUMBERS", 1)
    np.testing.assert_allclose(hide_each_word(run).after, hidden.after, atol=1e-4)
    np.testing.assert_allclose(silence_each_head(run).drops, silent.drops, atol=2e-4)


def test_a_model_that_predicts_no_words_is_not_tried(vectors):
    hidden = hide_each_word(vectors.run(RunQuestion(text="The black cat")))
    assert (hidden.words, hidden.places, hidden.count) == ((), (), 3)
