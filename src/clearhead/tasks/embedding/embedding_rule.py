"""The rule in a model's folder for turning texts into vectors.

A sentence-transformers folder states it in small files beside the model:

    modules.json                      the steps: Transformer, Pooling, perhaps Dense and Normalize
    1_Pooling/config.json             the kind of pooling
    sentence_bert_config.json         the most tokens of a text, and whether it is lower-cased
    tokenizer_config.json             the most tokens, if the previous file does not say
    config_sentence_transformers.json text to put before every text (a prompt)

Without modules.json the rule is the mean over real tokens, not normalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...errors import CheckpointError
from ...file_reading import FileProblem, read_json
from ...json_fields import MOST, Fields
from ...visible import quoted
from .pooling import MODES

# Members of a Pooling's config.json, in older and newer files -> our names.
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
_STEPS = ("Transformer", "Pooling", "Dense", "Normalize")
_LENGTH_FILES = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)


@dataclass(frozen=True, kw_only=True)
class EmbeddingRule:
    """How a model turns texts into vectors.

    Attributes:
        modes: of `clearhead.tasks.embedding.pooling.MODES`; their vectors are concatenated.
        dense: the folders of linear layers that follow, inside the model's folder.
        normalize: whether each vector is finally divided by its length.
        max_length: the most tokens of a text, start and end tokens included; None if the folder
            does not say, so that the model's own limit holds.
        lower_case: whether texts are lower-cased first.
        prompt: text that is put before every text.
        source: the file that states the rule; empty if there is none.
    """

    modes: tuple[str, ...] = ("mean",)
    dense: tuple[str, ...] = ()
    normalize: bool = False
    max_length: int | None = None
    lower_case: bool = False
    prompt: str = ""
    source: str = ""

    def __str__(self) -> str:
        words = {"cls": "first token", "last": "last token", "mean": "mean over real tokens"}
        words |= {"max": "largest over real tokens", "weighted": "weighted mean over real tokens"}
        words |= {"mean_sqrt": "sum over real tokens / sqrt(their number)"}
        pooling = " beside ".join(words[mode] for mode in self.modes)
        length = "normalised to length 1" if self.normalize else "not normalised"
        layers = "".join(f", through the layer {path}" for path in self.dense)
        return f"{pooling}{layers}, {length} ({self.source or 'no modules.json says otherwise'})"


def read_embedding_rule(folder: Path) -> EmbeddingRule:
    """Return the rule of a model's folder.

    Raises:
        CheckpointError: a file is damaged, or asks for a step that is not supported.
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
    [transformer], [pooling] = paths["Transformer"], paths["Pooling"]
    modes, include_prompt = _pooling(folder, pooling)
    max_length, lower_case = _reading(folder, transformer)
    for path in paths["Normalize"]:
        _check_normalize(folder, path)
    prompt = _prompt(folder)
    if prompt and not include_prompt:
        raise CheckpointError(
            f"{folder / pooling / 'config.json'}: include_prompt is false, so the tokens "
            f"of the prompt {quoted(prompt)} would not be pooled, which is not computed here."
        )
    return EmbeddingRule(
        modes=modes,
        dense=tuple(paths["Dense"]),
        normalize=bool(paths["Normalize"]),
        max_length=max_length,
        lower_case=lower_case,
        prompt=prompt,
        source="modules.json",
    )


def _paths(steps: list[Fields]) -> dict[str, list[str]]:
    """Return the folders of each kind of step; refuse steps that are not supported."""
    kinds = [step.text("type").rpartition(".")[2] for step in steps]
    paths: dict[str, list[str]] = {kind: [] for kind in _STEPS}
    for kind, step in zip(kinds, steps, strict=True):
        if kind not in _STEPS:
            raise FileProblem(
                f"a step is {quoted(kind)}, which is not computed here; {', '.join(_STEPS)} are"
            )
        path = PurePosixPath(step.text("path"))
        if path.is_absolute() or ".." in path.parts:
            raise FileProblem(f"the path of a step is {quoted(str(path))}, outside of the folder")
        paths[kind].append(str(path))
    dense = ["Dense"] * len(paths["Dense"])
    if kinds not in (["Transformer", "Pooling", *dense, *last] for last in ([], ["Normalize"])):
        raise FileProblem(
            f"its steps are {', '.join(kinds) or 'none'}; what is computed here is Transformer and "
            f"Pooling, then any Dense, then Normalize or not"
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
    return active, include_prompt


def _modes(fields: Fields) -> tuple[str, ...]:
    """Return the modes that a Pooling's config.json names, either as text or by flags."""
    for key in fields.names():
        if key.startswith("pooling_mode_") and key not in _FLAGS:
            raise FileProblem(f"{quoted(key)} is no pooling that is computed here")
    if not fields.has("pooling_mode"):
        active = {mode for key, mode in _FLAGS.items() if fields.has(key) and fields.flag(key)}
        return tuple(mode for mode in MODES if mode in active) or ("mean",)
    one_word = isinstance(fields.value("pooling_mode"), str)
    words = [fields.text("pooling_mode")] if one_word else fields.texts("pooling_mode")
    for word in words:
        if word not in _WORDS:
            raise FileProblem(f'"pooling_mode" is {quoted(word)}; it may be {", ".join(_WORDS)}')
    if not words:
        raise FileProblem('"pooling_mode" is a list without a mode')
    return tuple(_WORDS[word] for word in words)


def _reading(folder: Path, path: str) -> tuple[int | None, bool]:
    """Return the most tokens of a text, and whether it is lower-cased."""
    for name in _LENGTH_FILES:
        file = folder / path / name
        try:
            fields = Fields(read_json(file), "the file")
            _check_output(fields)
            lower_case = fields.has("do_lower_case") and fields.flag("do_lower_case")
            if fields.has("max_seq_length"):
                return fields.integer("max_seq_length", least=1), lower_case
            return _tokenizer_length(folder / path), lower_case
        except FileProblem as error:
            if not error.missing:
                raise CheckpointError(_damage(file, error)) from error
    return _tokenizer_length(folder / path), False


def _check_output(fields: Fields) -> None:
    """Refuse a Transformer whose pooling input is not its last hidden vectors."""
    members = {"transformer_task": "feature-extraction", "module_output_name": "token_embeddings"}
    for key, value in members.items():
        if fields.has(key) and fields.text(key) != value:
            raise FileProblem(f"{quoted(key)} is {quoted(fields.text(key))}, not {quoted(value)}")
    if not fields.has("modality_config"):
        return
    text = fields.object("modality_config").object("text")
    members = {"method": "forward", "method_output_name": "last_hidden_state"}
    for key, value in members.items():
        if text.text(key) != value:
            raise FileProblem(f"{quoted(key)} is {quoted(text.text(key))}, not {quoted(value)}")


def _tokenizer_length(folder: Path) -> int | None:
    """Return the most tokens that tokenizer_config.json allows; None if it sets no limit."""
    file = folder / "tokenizer_config.json"
    try:
        fields = Fields(read_json(file), "the file")
        if not fields.has("model_max_length"):
            return None
        # transformers writes 10^30, rounded, for no limit.
        length = fields.value("model_max_length")
        if isinstance(length, int | float) and length > MOST:
            return None
        return fields.integer("model_max_length", least=1)
    except FileProblem as error:
        if error.missing:
            return None
        raise CheckpointError(_damage(file, error)) from error


def _check_normalize(folder: Path, path: str) -> None:
    """Refuse a Normalize step that does not act on text vectors; older ones have no config file."""
    file = folder / path / "config.json"
    try:
        fields = Fields(read_json(file), "the file")
        for key in ("module_input_name", "module_output_name"):
            if fields.has(key) and fields.text(key) != "sentence_embedding":
                raise FileProblem(f"{quoted(key)} is {quoted(fields.text(key))}")
    except FileProblem as error:
        if not error.missing:
            raise CheckpointError(_damage(file, error)) from error


def _prompt(folder: Path) -> str:
    """Return the default prompt, which is put before every text; empty if there is none."""
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
