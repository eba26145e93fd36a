"""A survey of a corpus in parts: what a job does with each window of lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from ..batch.job.line_work import LineWork
from ..batch.job.lines import Line, text_of
from ..errors import ConfigError, TextError
from .picture import check_picture, draw_heads
from .statistics import HeadStatistics
from .survey import HeadSurvey
from .tables import check_parquet, to_csv, to_json, to_parquet

TABLES = ("parquet", "csv", "none")
PICTURES = ("png", "svg", "none")
JSON_NAME = "heads.json"


@dataclass
class LineSurvey(LineWork):
    """Measures the heads of a model over the lines of a corpus.

    Every line is read alone, so that parts may begin anywhere. A window becomes a line of JSON, and
    the windows of a part are added when it is whole. It pickles as some hundred bytes.

    Args:
        survey: the model, and what of it is measured.
        column: of the text in a line, from 1; None for the whole line.
        target_column: of what the decoder of an encoder-decoder reads; None lets the model write
            it.
        table: what is written beside ``heads.json``: ``parquet``, ``csv`` or ``none``.
        picture: likewise: ``png``, ``svg`` or ``none``.

    Raises:
        ConfigError: there is no such file, or a target has no column beside it.
        MissingExtraError: what writes a file is not installed.
    """

    survey: HeadSurvey
    column: int | None = None
    target_column: int | None = None
    table: str = "parquet"
    picture: str = "png"

    task: ClassVar[str] = "surveying"
    participle: ClassVar[str] = "surveyed"
    suffix: ClassVar[str] = ".heads.json"
    is_sealed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for what, one, names in (
            ("table", self.table, TABLES),
            ("picture", self.picture, PICTURES),
        ):
            if one not in names:
                raise ConfigError(f"A {what} is one of {', '.join(names)}; {one!r} came.")
        if self.target_column is not None and self.column in (None, self.target_column):
            raise ConfigError(
                f"Targets are in column {self.target_column}; name another one for the texts."
            )
        if self.table == "parquet":
            check_parquet()
        if self.picture != "none":
            check_picture()

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the statistics depend on; of tables and pictures there may be others any time."""
        survey = self.survey
        return {
            "survey": "heads",
            "model": {"sha256": survey.digest},
            "layers": list(survey.layers),
            "device": survey.device,
            "dtype": survey.dtype,
            "column": self.column,
            "target_column": self.target_column,
            "torch": version("torch"),
            "transformers": version("transformers"),
        }

    @property
    def grain(self) -> int:
        """1: each line is read alone."""
        return 1

    @property
    def products(self) -> str:
        """The vector instructions that PyTorch uses here, or the name of the GPU."""
        import torch

        device = torch.device(self.survey.device)
        if device.type == "cuda":
            return f"{torch.cuda.get_device_name(device)}, torch"
        return f"{torch.backends.cpu.get_cpu_capability()}, torch"

    def window(self, lines: Sequence[tuple[int, Line]]) -> tuple[bytes, dict[int, TextError]]:
        """Return the statistics over some lines, as a line of JSON; and why lines are rejected."""
        readings = []
        rejects: dict[int, TextError] = {}
        for place, (number, line) in enumerate(lines):
            try:
                text = text_of(line, number, self.column)
                target = None
                if self.target_column is not None:
                    target = text_of(line, number, self.target_column)
                readings.append(self.survey.read(text, target))
            except TextError as error:
                rejects[place] = error
        return HeadStatistics.of(self.survey.digest, readings).to_bytes() + b"\n", rejects

    def sealed(self, draft: Path) -> bytes:
        """Return the statistics over all lines of a part."""
        with draft.open("rb") as file:
            return HeadStatistics.merge(map(HeadStatistics.from_bytes, file)).to_bytes() + b"\n"

    def statistics(self, outputs: Iterable[Path]) -> HeadStatistics:
        """Return the statistics over all parts."""
        return HeadStatistics.merge(
            HeadStatistics.from_bytes(output.read_bytes()) for output in outputs
        )

    def results(self, outputs: Iterable[Path], rejects: int) -> Mapping[str, bytes]:
        """Return the files that tell of all heads, by name."""
        total = self.statistics(outputs)
        files = {JSON_NAME: to_json(total, rejects)}
        writers: Mapping[str, Callable[[HeadStatistics], bytes]] = {
            "parquet": to_parquet,
            "csv": to_csv,
        }
        if self.table in writers:
            files[f"heads.{self.table}"] = writers[self.table](total)
        if self.picture != "none" and total.layers:
            files[f"heads.{self.picture}"] = draw_heads(total, self.picture)
        return files
