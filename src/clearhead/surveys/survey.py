"""`HeadSurvey`: measures every head of a model over texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..batch.columns import column_of, is_table, one_row_like, values_of
from ..batch.threads import one_thread
from ..errors import ConfigError, TextError
from ..pretrained.fetching import find_folder
from ..translation.model_files import files_hash, name_elsewhere
from ..translation.pickling import Reference, find_again
from .model_folder import check_folder
from .reading import TextReading, read_text
from .statistics import HeadStatistics

if TYPE_CHECKING:
    from .text_model import Model


class HeadSurvey:
    """Measures every attention head of a model over texts.

        survey = HeadSurvey("path/to/gpt2")
        statistics = survey.accumulate(texts) + survey.accumulate(more_texts)

        rows = ds.map_batches(HeadSurvey, fn_constructor_args=("path/to/gpt2",), concurrency=8)
        statistics = HeadStatistics.merge(
            HeadStatistics.from_bytes(row["statistics"]) for row in rows.take_all()  # Ray Data
        )

    Each text is read alone, in a forward pass with the model's own kernels, so that its numbers do
    not depend on other texts. A pickle has only some hundred bytes, with the model's folder and
    hash; the model is loaded at the first text. The survey uses one thread, so give an engine as
    many workers as there are cores.

    Args:
        model: a folder saved by transformers, or the name of a hub model that is stored locally.
        column: name of a batch's column of texts. Missing values (None, NaN) are skipped.
        target_column: name of the column of the decoder's texts, for an encoder-decoder. Without
            it, such a model writes them itself, greedily, at most 128 tokens each.
        layers: modules to measure: names, patterns with ``*``, or numbers; empty for all.
        device: that the model runs on. On processors of the same kind, numbers have the same bits.
        dtype: of the computation; ``"auto"`` is that of the weights.

    Raises:
        CheckpointError: there is no such model.
        ConfigError: the model is in Clearhead's format, or both columns have the same name.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        column: str = "text",
        target_column: str | None = None,
        layers: Sequence[str] = (),
        device: str = "cpu",
        dtype: str = "auto",
    ) -> None:
        if column == target_column:
            raise ConfigError(f"Texts and targets are two columns; both are {column!r}.")
        check_folder(str(model))
        folder = find_folder(model)
        self.column, self.target_column = column, target_column
        self.layers, self.device, self.dtype = tuple(layers), device, dtype
        self._reference = Reference(name_elsewhere(folder), files_hash(folder), {})
        self._model: Model | None = None

    def __repr__(self) -> str:
        return f"<HeadSurvey {self._reference.model}: {self.column}>"

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickling: the model's folder and hash instead of the model."""
        return {**self.__dict__, "_model": None}

    @property
    def digest(self) -> str:
        """The SHA-256 of the model's files."""
        return self._reference.digest

    @property
    def model(self) -> Model:
        """The model, loaded at the first access.

        Raises:
            CheckpointError: this machine does not have the model, or has another one of this name.
            ConfigError: targets are given for a model with one stack.
        """
        if self._model is None:
            from .text_model import Model

            folder = find_again(self._reference)
            self._model = Model(str(folder), self.device, self.dtype, writes=False)
        return self._model

    def read(self, text: str, target: str | None = None) -> TextReading:
        """Return the measurements of all heads on one text.

        Args:
            text: for the model to read.
            target: for the decoder of an encoder-decoder; None lets the model write it.

        Raises:
            TextError: the text is empty, or longer than the model can read; it is never cut off.
            ConfigError: the model has no attention, or no decoder for a target.
        """
        if target is not None and not self.model.two_stacks:
            raise ConfigError(
                "Targets are for models with an encoder and a decoder; this one reads one text. "
                "Leave out the column of targets."
            )
        with one_thread():
            return read_text(self.model, text, target, self.layers)

    def accumulate(
        self, texts: Iterable[str], targets: Iterable[str] | None = None
    ) -> HeadStatistics:
        """Return the statistics over some texts.

        Args:
            texts: to read, each alone.
            targets: one for each text, for the decoder of an encoder-decoder.

        Raises:
            TextError: a text cannot be read; the message has its number, from 0.
            ConfigError: the model has no attention, or the numbers of texts and targets differ.
        """
        texts = list(texts)
        several: list[str | None] = [None] * len(texts) if targets is None else list(targets)
        if len(several) != len(texts):
            raise ConfigError(
                f"Each text has one target; {len(texts)} texts and {len(several)} targets came."
            )
        readings = []
        for place, (text, target) in enumerate(zip(texts, several, strict=True)):
            try:
                readings.append(self.read(text, target))
            except TextError as error:
                raise TextError(f"Text {place}: {error}.") from None
        return HeadStatistics.of(self.digest, readings)

    def __call__(self, batch: Any) -> Any:
        """Return a batch of one row: ``statistics``, and ``rejects`` with the unreadable rows.

        Args:
            batch: a dict of columns (lists or arrays), a pandas DataFrame or an Arrow table.

        Returns:
            A batch of the same kind, with bytes for `HeadStatistics.from_bytes`, and a JSON list of
            objects with ``row`` and ``reason`` for rows that could not be read.

        Raises:
            ConfigError: it is not a table, or has no such column.
        """
        if not is_table(batch):
            raise ConfigError(
                f"A survey reads a column of a batch with named columns; a "
                f"{type(batch).__name__} came. For a list of texts there is `accumulate`."
            )
        texts = values_of(column_of(batch, self.column))
        targets: list[Any] = [None] * len(texts)
        if self.target_column is not None:
            targets = values_of(column_of(batch, self.target_column))
        readings, rejects = [], []
        for row, (text, target) in enumerate(zip(texts, targets, strict=True)):
            if text is None or (target is None and self.target_column is not None):
                continue
            if not (isinstance(text, str) and isinstance(target, str | None)):
                raise TypeError(f"Texts to read are str; row {row} has another type.")
            try:
                readings.append(self.read(text, target))
            except TextError as error:
                rejects.append({"row": row, "reason": str(error)})
        content = HeadStatistics.of(self.digest, readings).to_bytes()
        return one_row_like(
            batch, {"statistics": content, "rejects": json.dumps(rejects, ensure_ascii=False)}
        )
