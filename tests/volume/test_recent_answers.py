"""A source is searched for once, and its hypotheses come back as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clearhead.search.hypothesis import Hypothesis
from clearhead.search.settings import SearchSettings
from clearhead.volume.recent_answers import RecentAnswers

TOKENS = st.lists(st.integers(0, 3), max_size=2).map(tuple)


class Search:
    """Answers by a rule, and remembers what it was asked for."""

    def __init__(self):
        self.questions = []

    def __call__(self, sources, prefixes):
        self.questions += zip(map(tuple, sources), prefixes, strict=True)
        return [self.answer(*pair) for pair in zip(sources, prefixes, strict=True)]

    @staticmethod
    def answer(source, prefix):
        tokens = (*prefix, *source)
        score = -1 / 3 - len(tokens)
        parts = tuple(-0.1 * token for token in tokens)
        return [
            Hypothesis(tokens, score, score * 3, parts),
            Hypothesis((), score - 1, -7.25, (), ended=False),
        ]


@given(st.lists(st.lists(st.tuples(TOKENS, TOKENS), max_size=5), max_size=4))
def test_each_is_asked_for_once_and_answered_in_order(calls):
    answers, search = RecentAnswers(), Search()
    for call in calls:
        sources, prefixes = [pair[0] for pair in call], [pair[1] for pair in call]
        results = answers.answer(sources, SearchSettings(), prefixes, search)
        assert results == [Search.answer(*pair) for pair in call]
    every = [pair for call in calls for pair in call]
    assert search.questions == list(dict.fromkeys(every))
    assert answers.hits == len(every) - len(set(every))


def test_other_settings_are_another_question():
    answers, search = RecentAnswers(), Search()
    for beam in (1, 4, 1):
        answers.answer([(5,)], SearchSettings(beam_size=beam), [()], search)
    assert len(search.questions) == 2


def test_what_was_asked_for_longest_ago_is_forgotten():
    answers, search = RecentAnswers(most=2), Search()
    for source in (1, 2, 1, 3, 1, 2):
        answers.answer([(source,)], SearchSettings(), [()], search)
    assert [source for (source,), _ in search.questions] == [1, 2, 3, 2]
