"""The rule by which a model's folder says that texts become vectors.

A folder of sentence-transformers says it in small files beside the model:

    modules.json                      the steps: Transformer, Pooling, and perhaps Normalize
    1_Pooling/config.json             which pooling
    sentence_bert_config.json         the most tokens of a text, and whether it is lower-cased
    config_sentence_transformers.json what stands before every text (a prompt)

A folder without modules.json says nothing: then it is the mean over real tokens, not normalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import CheckpointError
from ..file_reading import FileProblem, read_json
from ..json_fields import Fields
from ..visible import quoted
from .pooling import MODES

# Members of a Pooling's config.json, older and newer: ours.
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt",
    "pooling_mode_weightedmean_tokens": "weighted",
    "pooling_mode_lasttoken": "last",
}
_WORDS = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt",
    "weightedmean": "weighted",
    "lasttoken": "last",
}
_STEPS = ("Transformer", "Pooling", "Normalize")
_LENGTH_FILES = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)


@dataclass(frozen=True, kw_only=True)
class EmbeddingRule:
    """How the texts of a model become vectors.

    Attributes:
        modes: of `clearhead.tasks.pooling.MODES`, whose vectors stand side by side.
        normalize: whether each vector is divided by its length.
        max_length: the most tokens of a text, start and end tokens included; None where the
            folder says nothing, and the model's own limit holds.
        lower_case: whether texts are lower-cased first.
        strip: whether spaces around texts are taken off first, as sentence-transformers does.
        prompt: what stands before every text.
        source: the file that says so; empty where none does.
    """

    modes: tuple[str, ...] = ("mean",)
    normalize: bool = False
    max_length: int | None = None
    lower_case: bool = False
    strip: bool = False
    prompt: str = ""
    source: str = ""

    def __str__(self) -> str:
        words = {"cls": "first token", "last": "last token", "mean": "mean over real tokens"}
        words |= {"max": "largest over real tokens", "weighted": "weighted mean over real tokens"}
        words |= {"mean_sqrt": "sum over real tokens / sqrt(their number)"}
        pooling = " beside ".join(words[mode] for mode in self.modes)
        length = "normalised to length 1" if self.normalize else "not normalised"
        return f"{pooling}, {length} ({self.source or 'no modules.json says otherwise'})"


def read_embedding_rule(folder: Path) -> EmbeddingRule:
    """Return the rule of a model's folder.

    Raises:
        CheckpointError: a file is damaged, or asks for a step that is not computed here.
    """
    try:
        steps = Fields({"steps": read_json(folder / "modules.json")}, "modules.json")
    except FileProblem as error:
        if error.missing:
            return EmbeddingRule()
        raise CheckpointError(_damage(folder / "modules.json", error)) from error
    try:
        paths = _paths(steps.objects("steps"))
    except FileProblem as error:
        raise CheckpointError(_damage(folder / "modules.json", error)) from error
    modes, include_prompt = _pooling(folder, paths["Pooling"])
    max_length, lower_case = _reading(folder, paths["Transformer"])
    prompt = _prompt(folder)
    if prompt and not include_prompt:
        raise CheckpointError(
            f"{folder / paths['Pooling'] / 'config.json'}: include_prompt is false, so the tokens "
            f"of the prompt {quoted(prompt)} would not be pooled, which is not computed here."
        )
    return EmbeddingRule(
        modes=modes,
        normalize="Normalize" in paths,
        max_length=max_length,
        lower_case=lower_case,
        strip=True,
        prompt=prompt,
        source="modules.json",
    )


def _paths(steps: list[Fields]) -> dict[str, str]:
    """Return the folder of each step: a Transformer, its Pooling, and perhaps a Normalize."""
    paths: dict[str, str] = {}
    for step in steps:
        kind = step.text("type").rpartition(".")[2]
        if kind not in _STEPS:
            raise FileProblem(
                f"a step is {quoted(kind)}, which is not computed here; {', '.join(_STEPS)} are"
            )
        if kind in paths:
            raise FileProblem(f"{kind} comes twice")
        path = PurePosixPath(step.text("path"))
        if path.is_absolute() or ".." in path.parts:
            raise FileProblem(f"the path of a step is {quoted(str(path))}, outside of the folder")
        paths[kind] = str(path)
    if tuple(paths) not in (_STEPS, _STEPS[:2]):
        raise FileProblem(
            f"its steps are {', '.join(paths) or 'none'}; what is computed here is "
            f"{', '.join(_STEPS[:2])}, and Normalize or not"
        )
    return paths


def _pooling(folder: Path, path: str) -> tuple[tuple[str, ...], bool]:
    """Return the modes of a Pooling, and whether it pools the tokens of a prompt."""
    file = folder / path / "config.json"
    try:
        fields = Fields(read_json(file), "the file")
        active = _modes(fields)
        include_prompt = not fields.has("include_prompt") or fields.flag("include_prompt")
    except FileProblem as error:
        raise CheckpointError(_damage(file, error)) from error
    return tuple(mode for mode in MODES if mode in active), include_prompt


def _modes(fields: Fields) -> set[str]:
    """Return the modes that a Pooling's config.json names, by a word or by one flag each."""
    for key in fields.names():
        if key.startswith("pooling_mode_") and key not in _FLAGS:
            raise FileProblem(f"{quoted(key)} is no pooling that is computed here")
    if fields.has("pooling_mode"):
        value = fields.value("pooling_mode")
        words = (
            fields.texts("pooling_mode")
            if isinstance(value, list)
            else [fields.text("pooling_mode")]
        )
        for word in words:
            if word not in _WORDS:
                raise FileProblem(
                    f'"pooling_mode" is {quoted(word)}; it may be {", ".join(_WORDS)}'
                )
        active = {_WORDS[word] for word in words}
    elif any(fields.has(key) for key in _FLAGS):
        active = {mode for key, mode in _FLAGS.items() if fields.has(key) and fields.flag(key)}
    else:
        active = {"mean"}
    if not active:
        raise FileProblem("no pooling in it is true")
    return active


def _reading(folder: Path, path: str) -> tuple[int | None, bool]:
    """Return the most tokens of a text, and whether it is lower-cased."""
    for name in _LENGTH_FILES:
        file = folder / path / name
        try:
            fields = Fields(read_json(file), "the file")
            most = (
                fields.integer("max_seq_length", least=1) if fields.has("max_seq_length") else None
            )
            return most, fields.has("do_lower_case") and fields.flag("do_lower_case")
        except FileProblem as error:
            if not error.missing:
                raise CheckpointError(_damage(file, error)) from error
    return None, False


def _prompt(folder: Path) -> str:
    """Return the text that stands before every text, where the folder names one by default."""
    file = folder / "config_sentence_transformers.json"
    try:
        fields = Fields(read_json(file), "the file")
        if not fields.has("default_prompt_name"):
            return ""
        return fields.object("prompts").text(fields.text("default_prompt_name"))
    except FileProblem as error:
        if error.missing:
            return ""
        raise CheckpointError(_damage(file, error)) from error


def _damage(file: Path, error: FileProblem) -> str:
    return (
        f"Cannot read {file}: {error.reason}. It says how texts become vectors; without it this "
        f"is not known. Get the model's folder again, or read its vectors with hidden()."
    )
