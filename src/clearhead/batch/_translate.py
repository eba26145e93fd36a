"""`Translate`: a batch with texts in, the batch with their translations out."""

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
    """Translates a column of batches, on whichever engine hands the batches out.

        ds.map_batches(Translate, fn_constructor_args=("en-fr",), concurrency=8)  # Ray Data
        predict_batch_udf(Translate("en-fr"), return_type=StringType(), batch_size=256)  # Spark
        dataset.map(Translate("en-fr"), batched=True)  # Hugging Face datasets
        frame = Translate("en-fr")(frame)  # pandas

    It pickles as some hundred bytes, the model's name and hash, and loads the model when the first
    batch comes: once in each process. It keeps to one thread; give an engine as many workers
    as there are cores. With the readable engine, which is the default, a translation has the same
    bits whatever is beside it in a batch.

    Args:
        model: a name or a folder, which every machine must have; or a model that is loaded.
        column: name of the column of texts. What is missing there (None, NaN) stays missing.
        to: name of the column of translations.
        problem: name of a column for what is wrong with a text that cannot be translated, whose
            translation is None then. Without it such a text is an error.
        task: what someone else's model is to do, such as ``en-fr``.
        options: of `Translator.translate`, such as ``beam_size`` and ``engine``.

    Raises:
        ConfigError: two columns have one name, or an option is not for workers.
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
            self._name = str(model)  # on the hub, which says which one it is
        else:
            folder = find_model(model)
            self._reference = Reference(name_elsewhere(folder), files_hash(folder), {})

    def __repr__(self) -> str:
        reference = self._reference
        model = reference.model if reference else self._name or repr(self._model)
        return f"<Translate {model}: {self.column} to {self.to}>"

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: the model's name, where it has one."""
        model = None if self._reference or self._name else self._model
        return {**self.__dict__, "_model": model}

    @property
    def model(self) -> AnyModel:
        """The model, which is loaded when it is first needed.

        Raises:
            CheckpointError: this machine has no such model, or another one.
        """
        if self._model is None:
            from ..translation.translator import Translator

            place = find_again(self._reference) if self._reference else self._name
            self._model = Translator.load(place, task=self.task)
        return self._model

    def __call__(self, batch: Any = None) -> Any:
        """Translate a batch.

        Args:
            batch: a dict of columns (lists or arrays), a DataFrame of pandas or a table of Arrow,
                which comes back with the new column; or one column (a list, an array, a Series),
                whose translations come back. None, as Spark calls a maker of functions, gives the
                function itself.

        Raises:
            ConfigError: the batch has no such column, or has one of the new one's name.
            TextError: a text cannot be translated, and there is no column for problems.
            TypeError: a value of the column is no text.
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
        """Return the translations of a column, and what is wrong with its texts."""
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
