"""Translates lines: one output line for each, or the reason for rejecting it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import CheckpointError, ConfigError, TextError
from ...translation.pickling import Reference
from ..output_lines import output_lines
from ..threads import one_thread
from .line_work import WINDOW, LineWork
from .lines import Line, text_of

if TYPE_CHECKING:
    from ...translation.pretrained_translator import PretrainedTranslator
    from ...translation.translation import Translation
    from ...translation.translator import Translator

    AnyTranslator = Translator | PretrainedTranslator

FORMS = ("as_json", "scores", "alignments")


@dataclass
class LineTranslator(LineWork):
    """Translates lines with one model, which a worker loads at its first lines.

    Its pickle has only some hundred bytes.

    Args:
        translator: the model, which must have been read from a folder.
        call: arguments for its ``translate``.
        form: of the output: arguments of `output_lines`.
        column: of the text in a line, from 1; None for the whole line.

    Raises:
        CheckpointError: the model has no folder from which another process could read it.
        ConfigError: a text would give several output lines.
    """

    translator: AnyTranslator
    call: Mapping[str, Any]
    form: Mapping[str, bool] = field(default_factory=lambda: dict.fromkeys(FORMS, False))
    column: int | None = None

    task: ClassVar[str] = "translating"
    participle: ClassVar[str] = "translated"
    suffix: ClassVar[str] = ".txt"

    def __post_init__(self) -> None:
        self.reference: Reference | None = self.translator.refer()
        if self.reference is None:
            raise CheckpointError(
                "A job names its model by the folder that it was read from, and this one has none. "
                "Save it, and load it from there."
            )
        if self.call.get("n_best", 1) > 1 and not self.form["as_json"]:
            raise ConfigError(
                "The lines of a part are those of its input, one for one: write the n best "
                "translations of a text into one line with --json, or leave --n-best."
            )

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the output depends on, in JSON's types."""
        assert self.reference is not None
        model = {"sha256": self.reference.digest}  # the path may differ between machines
        task = self.reference.arguments.get("task")
        return {"model": model, "task": task, **self.call, **self.form, "column": self.column}

    @property
    def grain(self) -> int:
        """The number of lines translated together if a translation depends on them, else 1.

        With the readable engine and a model in Clearhead's format, no bit depends on them.
        """
        from ...translation.translator import Translator

        is_ours = isinstance(self.translator, Translator)
        return 1 if is_ours and self.call.get("engine", "numpy") == "numpy" else WINDOW

    @property
    def products(self) -> str:
        """The method of matrix products in the readable engine on this machine."""
        from ...engine.products import method

        return method()

    @property
    def reject_line(self) -> str:
        """The output line for a rejected line."""
        return "null" if self.form["as_json"] else ""

    def window(self, lines: Sequence[tuple[int, Line]]) -> tuple[bytes, dict[int, TextError]]:
        """Return an output line for each line, and errors for rejected lines by their position."""
        texts, places = [], []
        rejects: dict[int, TextError] = {}
        for place, (number, line) in enumerate(lines):
            try:
                texts.append(text_of(line, number, self.column))
                places.append(place)
            except TextError as error:
                rejects[place] = error
        output = [self.reject_line] * len(lines)
        for place, translation in zip(places, self.lines(texts), strict=True):
            if isinstance(translation, TextError):
                rejects[place] = translation
            else:
                output[place] = translation
        return b"".join(line.encode("utf-8") + b"\n" for line in output), rejects

    def lines(self, texts: Sequence[str]) -> list[str | TextError]:
        """Return an output line for each text, or the error that rejects it.

        Args:
            texts: to translate together; earlier calls do not affect the result.
        """
        if not texts:
            return []
        if self.call.get("engine", "numpy") != "numpy":
            self.translator.engines.forget_answers()  # type: ignore[union-attr]
        with one_thread():
            try:
                translations: Any = self.translator.translate(list(texts), **self.call)
            except TextError:  # find out which text cannot be translated
                translations = [self._alone(text) for text in texts]
        return [self._line(one) for one in translations]

    def _alone(self, text: str) -> Translation | TextError:
        try:
            translations: Any = self.translator.translate([text], **self.call)
        except TextError as error:
            return error
        translation: Translation = translations[0]
        return translation

    def _line(self, translation: Translation | TextError) -> str | TextError:
        if isinstance(translation, TextError):
            return translation
        (line,) = output_lines(1, translation, **self.form)
        if "\n" in line:
            return TextError("its translation has a line break")
        return line
