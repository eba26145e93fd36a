"""A survey of a corpus in parts: the work of a job on each window of lines."""

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

    Every line is read alone, so that parts may begin anywhere. A window gives a line of JSON, and
    the windows of a part are added when it is complete. Its pickle has only some hundred bytes.

    Args:
        survey: the model and its measured layers.
        column: number of the text's column, from 1; None for the whole line.
        target_column: number of the column of the decoder's texts, for an encoder-decoder; None
            lets the model write them.
        table: to write beside ``heads.json``: ``parquet``, ``csv`` or ``none``.
        picture: to write as well: ``png``, ``svg`` or ``none``.

    Raises:
        ConfigError: there is no such table or picture, or targets are given without another column
            of texts.
        MissingExtraError: the package that writes a file is not installed.
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
        """Everything that the statistics depend on; tables and pictures can be made again later."""
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
        """Return the statistics over some lines as a line of JSON, and errors of rejected lines."""
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
        """Return the result files about all heads, by name."""
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
