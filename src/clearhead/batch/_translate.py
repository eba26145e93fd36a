"""`Translate`: adds translations to batches of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, TextError
from ..translation.checkpoint import is_pretrained
from ..translation.directions.discovery import find_model
from ..translation.model_files import files_hash, name_elsewhere
from ..translation.pickling import Reference, find_again
from .columns import column_of, is_table, like, values_of, with_columns
from .threads import one_thread

if TYPE_CHECKING:
    from ..tasks.model import Model
    from ..translation.pretrained_translator import PretrainedTranslator
    from ..translation.translator import Translator

    AnyModel = Translator | PretrainedTranslator | Model


class Translate:
    """Translates a column of batches, for any engine that processes data in batches.

        ds.map_batches(Translate, fn_constructor_args=("en-fr",), concurrency=8)  # Ray Data
        predict_batch_udf(Translate("en-fr"), return_type=StringType(), batch_size=256)  # Spark
        dataset.map(Translate("en-fr"), batched=True)  # Hugging Face datasets
        frame = Translate("en-fr")(frame)  # pandas

    Its pickle has only some hundred bytes, with the model's name and hash; each process loads the
    model at its first batch. It uses one thread, so give an engine as many workers as there are
    cores. With the readable engine, the default, a translation has the same bits whatever else is
    in its batch.

    Args:
        model: a name or a folder, which must exist on every machine; or a loaded model.
        column: name of the column of texts. Missing values (None, NaN) stay missing.
        to: name of the column of translations.
        problem: name of a column for the reason why a text cannot be translated; the translation is
            then None. Without this column, such a text raises an error.
        task: of a model in another format, such as ``en-fr``.
        options: of `Translator.translate`, such as ``beam_size`` and ``engine``.

    Raises:
        ConfigError: two columns have the same name, or an option is not for workers.
        CheckpointError: there is no such model.
    """

    def __init__(
        self,
        model: str | Path | AnyModel = "en-fr",
        *,
        column: str = "text",
        to: str = "translation",
        problem: str | None = None,
        task: str | None = None,
        **options: Any,
    ) -> None:
        names = [column, to] if problem is None else [column, to, problem]
        if len(set(names)) < len(names):
            raise ConfigError(f"Columns have different names; these are {', '.join(names)}.")
        if "threads" in options:
            raise ConfigError(
                "A worker keeps to one thread, so that many have room on a machine: leave "
                "threads, and ask the engine for more workers."
            )
        if options.get("n_best", 1) > 1:
            raise ConfigError("A column has one translation for each text: leave n_best.")
        self.column, self.to, self.problem = column, to, problem
        self.task, self.options = task, options
        self._model: AnyModel | None = None
        self._reference: Reference | None = None
        self._name = ""
        if not isinstance(model, str | Path):
            self._model = model
        elif is_pretrained(model) and not Path(model).is_dir():
            self._name = str(model)  # a name on the hub, without a hash
        else:
            folder = find_model(model)
            self._reference = Reference(name_elsewhere(folder), files_hash(folder), {})

    def __repr__(self) -> str:
        reference = self._reference
        model = reference.model if reference else self._name or repr(self._model)
        return f"<Translate {model}: {self.column} to {self.to}>"

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickling: the model's name instead of the model, if it has one."""
        model = None if self._reference or self._name else self._model
        return {**self.__dict__, "_model": model}

    @property
    def model(self) -> AnyModel:
        """The model, loaded at the first access.

        Raises:
            CheckpointError: this machine does not have the model, or has another one of this name.
        """
        if self._model is None:
            from ..translation.translator import Translator

            place = find_again(self._reference) if self._reference else self._name
            self._model = Translator.load(place, task=self.task)
        return self._model

    def __call__(self, batch: Any = None) -> Any:
        """Translate a batch.

        Args:
            batch: a dict of columns (lists or arrays), a pandas DataFrame or an Arrow table, which
                is returned with the new column; or a single column (a list, an array, a Series),
                for which the translations are returned. None returns the function itself, for
                Spark, which calls a factory without arguments.

        Raises:
            ConfigError: the batch has no column of texts, or already has a column of the new name.
            TextError: a text cannot be translated, and no column for problems is set.
            TypeError: a value of the column is not a text.
        """
        if batch is None:
            return self
        if not is_table(batch):
            return like(batch, self._translate(values_of(batch))[0])
        column = column_of(batch, self.column)
        texts, problems = self._translate(values_of(column))
        columns: Mapping[str, Any] = {self.to: like(column, texts)}
        if self.problem is not None:
            columns = {**columns, self.problem: like(column, problems)}
        return with_columns(batch, columns)

    def _translate(self, values: Sequence[str | None]) -> tuple[list[str | None], list[str | None]]:
        """Return the translations of a column's texts, and the problems with these texts."""
        from ..translation.sentences.segments import check_text

        problems: list[str | None] = [None] * len(values)
        places = []
        for place, value in enumerate(values):
            if value is None:
                continue
            if not isinstance(value, str):
                raise TypeError(
                    f"Texts to translate are str; row {place} of the batch's column "
                    f"{self.column!r} is of type {type(value).__name__}."
                )
            try:
                check_text(value)
            except TextError as error:
                if self.problem is None:
                    raise TextError(f"Row {place} of the batch: {error}") from None
                problems[place] = str(error)
                continue
            places.append(place)
        texts: list[str | None] = [None] * len(values)
        if places:
            with one_thread():
                translations: Any = self.model.translate(
                    [str(values[place]) for place in places], **self.options
                )
            for place, translation in zip(places, translations, strict=True):
                texts[place] = translation.text
        return texts, problems
