"""Measures every attention head of a model over a corpus.

`HeadSurvey` reads texts and returns `HeadStatistics`, which have the same bytes in whatever order
they are added. `line_survey` runs a survey as a job in parts, for ``clearhead inspect MODEL
--input``; `tables` and `picture` present the result. `text_model` loads and runs models for all of
`clearhead inspect`.
"""

from .scales import SCALES, Scale
from .statistics import HeadStatistics
from .survey import HeadSurvey

__all__ = ["SCALES", "HeadStatistics", "HeadSurvey", "Scale"]
