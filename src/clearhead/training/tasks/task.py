"""The tasks of a training run: translator, language model, or text classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from ...config import TransformerConfig
from ...errors import ConfigError
from ...setting_fields import check_value, from_mapping, one_of, within
from ...text.batches import LABEL_BATCHES, PAIR_BATCHES, TEXT_BATCHES, BatchForm
from ...visible import quoted
from ..data_settings import DataSettings


@dataclass(frozen=True)
class Task:
    """A task, one of `TASKS`.

    Attributes:
        name: as in the settings.
        model: words for the trained model.
        rows: word for the training examples, in the plural.
        predicted: word for the unit that the loss is a mean over, in the plural.
        stacks: of the model: ``encoder``, ``decoder`` or both.
        form: of its batches.
    """

    name: str
    model: str
    rows: str
    predicted: str
    stacks: tuple[str, ...]
    form: BatchForm

    @property
    def side(self) -> str:
        """The last of the stacks, in words."""
        return {"encoder": "an encoder", "decoder": "a decoder"}[self.stacks[-1]]

    @property
    def specials(self) -> int:
        """The number of positions for special tokens, beside ``data.max_tokens``."""
        return max(self.form.source_specials, self.form.target_specials)


TRANSLATION = Task(
    "translation", "a translator", "pairs", "target tokens", ("encoder", "decoder"), PAIR_BATCHES
)
LANGUAGE = Task("language", "a language model", "windows", "tokens", ("decoder",), TEXT_BATCHES)
CLASSIFICATION = Task(
    "classification", "a classifier", "labelled texts", "texts", ("encoder",), LABEL_BATCHES
)
TASKS = {task.name: task for task in (TRANSLATION, LANGUAGE, CLASSIFICATION)}

# Limits of trainable models, beside those that TransformerConfig sets for every model.
_Width = Annotated[int, within(least=1, most=1 << 20)]
_Depth = Annotated[int, within(most=1000)]
_TRAINABLE = {
    "d_model": _Width,
    "feed_forward_dim": _Width,
    "encoder_layers": _Depth,
    "decoder_layers": _Depth,
    "max_length": _Width,
    "norm_epsilon": Annotated[float, within(above=0, most=1)],
    "rotary_base": Annotated[float, within(least=0, most=10**12)],
    "pad_id": Annotated[int, one_of(0)],
    "start_id": Annotated[int, one_of(1)],
    "end_id": Annotated[int, one_of(2)],
}


def model_config(
    task: Task, model: Mapping[str, Any], vocab_size: int, labels: int
) -> TransformerConfig:
    """Return the config of a run's model.

    Args:
        task: of the run; it sets the layers of a stack that it does not use to 0.
        model: the ``[model]`` table of the settings.
        vocab_size: of the tokenizer.
        labels: number of labels, for a classifier.

    Raises:
        ConfigError: a setting is unknown, out of range, determined by the data, or for another
            task.
    """
    if "vocab_size" in model:
        raise ConfigError("model.vocab_size follows from the tokenizer; set tokenizer.vocab_size.")
    table = {"vocab_size": vocab_size, **model}
    for stack in ("encoder", "decoder"):
        if stack not in task.stacks and table.setdefault(f"{stack}_layers", 0):
            raise ConfigError(
                f"model.{stack}_layers is {quoted(table[f'{stack}_layers'])}, and task = "
                f"{task.name!r} trains {task.model}, which has none: it is {task.side} alone. "
                f"Leave it out."
            )
    if task is CLASSIFICATION:
        output = table.get("output", {})
        if isinstance(output, Mapping):
            if "labels" in output:
                raise ConfigError("model.output.labels follows from the data; leave it out.")
            table["output"] = {**output, "labels": labels}
    config = from_mapping(TransformerConfig, table, section="model")
    for name, hint in _TRAINABLE.items():
        check_value(f"model.{name}", getattr(config, name), hint)
    return config


def check_config(
    task: Task, data: DataSettings, config: TransformerConfig, *, counts_specials: bool = False
) -> None:
    """Check that a model fits the task, and that the data fit into the model.

    Args:
        task: of the run.
        data: the data settings.
        config: of the model to train.
        counts_specials: whether ``data.max_tokens`` includes special tokens, as with the tokenizer
            of an initial model in another format.

    Raises:
        ConfigError: they do not; the message names the setting.
    """
    _check_sides(task, config)
    longest = max(data.max_tokens, *(row.max_tokens or 0 for row in data.corpus))
    if counts_specials:
        if longest > config.max_length:
            raise ConfigError(
                f"data.max_tokens is {longest}, and the model that the run begins from reads "
                f"{config.max_length} tokens at most, special tokens among them. Set "
                f"data.max_tokens to {config.max_length} or less."
            )
        return
    room = config.max_length - max(task.specials, 1)
    if longest > room:
        tokens = "the start token and the end token" if task.specials > 1 else "the end token too"
        raise ConfigError(
            f"data.max_tokens must be below model.max_length, which has room for {tokens}; "
            f"they are {longest} and {config.max_length}."
        )


def _check_sides(task: Task, config: TransformerConfig) -> None:
    if task is TRANSLATION and not (config.encoder_layers and config.decoder_layers):
        raise ConfigError(
            "Training here is from source to target: model.encoder_layers and "
            "model.decoder_layers must both be at least 1. A model of one side is trained with "
            'task = "language" (a decoder) or "classification" (an encoder).'
        )
    if config.reads_images:
        raise ConfigError("Training here is on texts, and model.patches are of images.")
    if not config.output.matrix:
        raise ConfigError("model.output.matrix = false leaves no logits to train; leave it out.")


def check_data(task: Task, data: DataSettings) -> None:
    """Check that the data settings belong to the task.

    Raises:
        ConfigError: they do not; the message names the setting.
    """
    if task is not LANGUAGE and data.unit is not None:
        raise ConfigError(
            f"data.unit says what one text of a language model is, and task = {task.name!r} reads "
            f"{'pairs' if task is TRANSLATION else 'labelled texts'}, a line each. Leave it out."
        )
    if task is TRANSLATION:
        return
    other = {
        "data.source_language": data.source_language,
        "data.target_language": data.target_language,
        "data.filters": list(data.filters),
        **{
            f"data.corpus[{i}].{name}": getattr(corpus, name)
            for i, corpus in enumerate(data.corpus)
            for name in ("register_share", "back_translation_tag")
        },
    }
    for name, value in other.items():
        if value:
            raise ConfigError(
                f"{name} = {value!r} is for translators, and task = {task.name!r} trains "
                f"{task.model}. Leave it out."
            )
    if task is not LANGUAGE:
        return
    if data.unit == "file" and data.held_out_share:
        raise ConfigError(
            'With data.unit = "file" a file is one text, of which no part can be held out. Set '
            "data.development to another file, or data.unit to paragraph or line."
        )
    for i, corpus in enumerate(data.corpus):
        if corpus.source_column is not None:
            raise ConfigError(
                f"data.corpus[{i}].source_column is of pairs, and a language model is trained on "
                f"files of text. Leave it out."
            )
        if corpus.path.startswith("hub:"):
            raise ConfigError(
                f"data.corpus[{i}].path = {corpus.path!r} is a data set, and a language model is "
                f"trained on files of text. Write its texts to one."
            )
