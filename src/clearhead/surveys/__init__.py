"""Every attention head of a model, measured over a corpus.

`HeadSurvey` reads texts and gives `HeadStatistics`, which have the same bytes in whichever order
they are added. `line_survey` makes a job of it, in parts, for ``clearhead inspect MODEL --input``;
`tables` and `picture` show the result. `text_model` is what all of `clearhead inspect` reads with.
"""

from .scales import SCALES, Scale
from .statistics import HeadStatistics
from .survey import HeadSurvey

__all__ = ["SCALES", "HeadStatistics", "HeadSurvey", "Scale"]
