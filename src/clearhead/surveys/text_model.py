"""Loads a Hugging Face model, tokenises texts for it, and records forward passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, ConfigError, TextError, require
from .labels import label_of
from .model_folder import check_folder

if TYPE_CHECKING:
    import torch

    from ..maps.measures.base import Measure
    from ..maps.recording.recording import Recording

PURPOSE = "Inspecting a Hugging Face model"
# Names of the number of positions in configurations, the decoder's own first.
LENGTHS = {
    "target": ("max_target_positions", "max_position_embeddings", "n_positions"),
    "source": ("max_source_positions", "max_position_embeddings", "n_positions"),
}
# Parts that do not affect attention, so that they may have random weights.
BESIDE = ("pooler", "lm_head", "classifier", "score", "cls.", "qa_outputs", "final_logits_bias")
UNLIMITED = 10**9  # a tokenizer without a limit gives 1e30
MOST_GENERATED = 128


@dataclass(frozen=True)
class Tokens:
    """A tokenised text: ids, the displayed tokens, and whether each is a special token."""

    ids: list[int]
    labels: list[str]
    special: list[bool]


class Model:
    """A Hugging Face model with its tokenizer.

    Args:
        name: of a model on the Hugging Face hub, or a folder.
        device: ``"cpu"``, ``"cuda"``; None uses a GPU if there is one.
        dtype: of the computation; ``"auto"`` for that of the checkpoint.
        writes: whether its output layer, which gives logits, is needed.
        copies: whether the output layer is loaded, if there is one, beside the stack that is run.
    """

    def __init__(
        self, name: str, device: str | None, dtype: str, *, writes: bool = False,
        copies: bool = False,
    ) -> None:  # fmt: skip
        self.name, self._writes, self._copies = name, writes, copies
        self.notes: list[str] = []
        self._torch: Any = require("torch", extra="inspect", purpose=PURPOSE)
        self._transformers: Any = require("transformers", extra="inspect", purpose=PURPOSE)
        check_folder(name)
        with _quiet(self._transformers):
            self.config = self._load("AutoConfig", "configuration")
            self.tokenizer = self._load("AutoTokenizer", "tokenizer")
            if len(self.tokenizer) <= len(self.tokenizer.all_special_ids):
                # transformers creates an empty one if it finds no files.
                raise CheckpointError(
                    f"{name} has no tokenizer of its own, or an empty one. Give a folder that also "
                    "holds what tokenizer.save_pretrained writes."
                )
            self.two_stacks = bool(getattr(self.config, "is_encoder_decoder", False))
            torch_device = self._device(device)
            # A language model is loaded without its head: the logits of 16,000 tokens would take
            # gigabytes. An encoder-decoder keeps it, because it may have to write its own target.
            self.model, info = self._load(
                self._class(),
                "weights",
                dtype=dtype if dtype == "auto" else getattr(self._torch, dtype),
                output_loading_info=True,
                use_safetensors=True,  # other weight files are pickles
            )
        self.missing = sorted(info["missing_keys"])
        self._check_weights()
        self.model.to(torch_device).eval()
        # The stack without its head: no logits of a long text are computed.
        self.stack = self.model.base_model if self.foretells else self.model

    @property
    def device(self) -> torch.device:
        """The device that the model runs on."""
        return self.model.device

    @property
    def dtype(self) -> str:
        """The dtype of the computation."""
        return str(self.model.dtype).removeprefix("torch.")

    def tokens(self, text: str, *, target: bool = False) -> Tokens:
        """Return the tokens of a text, after checking that the model can read them all.

        Raises:
            TextError: it is too long, or has no token.
        """
        return self.tokens_of_ids(self.ids_of(text, target=target), target=target)

    def ids_of(self, text: str, *, target: bool = False) -> list[int]:
        """Return the token ids of a text as the model reads it, without checking their number."""
        text_argument = {"text_target": text} if target else {"text": text}
        with _quiet(self._transformers):
            ids = list(self.tokenizer(**text_argument)["input_ids"])
        return self._shifted(ids) if target else ids

    def tokens_of_ids(self, ids: Sequence[int], *, target: bool = False) -> Tokens:
        """Return the tokens of ids, after the same checks as in `tokens`."""
        what = "--target-text" if target else "--text"
        if not ids:
            raise TextError(
                f"{what} holds no token: the tokenizer of {self.name} made nothing of it."
            )
        excess = self.excess(ids, target=target)
        if excess is not None:
            raise TextError(
                f"{what} has {len(ids):,} tokens, and {self.name} can read {excess:,}. Give a "
                "shorter text: nothing is cut off unasked."
            )
        special = set(self.tokenizer.all_special_ids)
        pieces = self.tokenizer.convert_ids_to_tokens(list(ids))
        labels = [
            label_of(self.tokenizer, one, piece) for one, piece in zip(ids, pieces, strict=True)
        ]
        return Tokens(list(ids), labels, [one in special for one in ids])

    def excess(self, ids: Sequence[int], *, target: bool = False) -> int | None:
        """Return the model's limit if the ids exceed it; None otherwise."""
        limit = self.limit("target" if target else "source")
        return limit if limit is not None and len(ids) > limit else None

    @property
    def start_id(self) -> int:
        """The token that a decoder reads first."""
        start = self.config.decoder_start_token_id
        return int(self.config.bos_token_id if start is None else start)

    def limit(self, side: str) -> int | None:
        """Return how many tokens the model can read; None if its configuration has no limit."""
        if not self.two_stacks and side == "source":
            names = (*LENGTHS["source"][1:], "max_sequence_length")
        else:
            names = LENGTHS[side]
        lengths = [getattr(self.config, name, None) for name in names]
        # T5's positions are relative: the number in its configuration is not a limit.
        relative = getattr(self.config, "relative_attention_num_buckets", None) is not None
        limits = [] if relative else [n for n in lengths if isinstance(n, int) and n > 0][:1]
        return min(limits) - self._unusable_positions() if limits else None

    def generate_target(self, source: Tokens) -> Tokens:
        """Let the model generate a target from the source, and return it as the decoder's input.

        Raises:
            CheckpointError: it lacks weights for writing.
        """
        ids, is_ended = self.written_ids(source.ids)
        if not is_ended:
            self.notes.append(
                f"The target is the beginning of what the model writes, {self._most_written} "
                "tokens; give --target-text for another."
            )
        return self.tokens_of_ids(ids, target=True)

    def written_ids(
        self, source_ids: Sequence[int], option: str = "--target-text"
    ) -> tuple[list[int], bool]:
        """Return the generated target as the decoder's input, and whether the model ended it.

        Args:
            source_ids: of the source.
            option: that gives a target instead, for the error message.

        Raises:
            CheckpointError: it lacks weights for writing.
        """
        lacking = [key for key in self.missing if "lm_head" in key or "shared" in key]
        if lacking:
            raise CheckpointError(
                f"{self.name} has no weights for writing ({lacking[0]} is missing), so its "
                f"decoder needs a text: give {option}."
            )
        with _quiet(self._transformers), self._torch.no_grad():
            ids = self.model.generate(
                self._torch.tensor([list(source_ids)], device=self.device),
                max_new_tokens=self._most_written,
                num_beams=1,
                do_sample=False,
            )[0].tolist()
        # The end token, if written, is not part of the decoder's input.
        end = self.model.generation_config.eos_token_id
        is_ended = ids[-1] in (end if isinstance(end, list) else [end])
        return (ids[:-1] if is_ended else ids), is_ended

    @property
    def _most_written(self) -> int:
        """The most tokens to write, so that the decoder can read them after the start token."""
        limit = self.limit("target")
        return MOST_GENERATED if limit is None else min(MOST_GENERATED, limit - 1)

    @contextmanager
    def recording_of(
        self, layers: Sequence[str], summaries: Sequence[Measure[Any]] | None
    ) -> Iterator[Recording]:
        """Record this model with `clearhead.record`; layers are selected by strings."""
        from ..maps.recorder.record import record

        selection = [int(one) if one.isdigit() else one for one in layers] or None
        with record(
            self.stack,
            selection,
            values=summaries is None,
            summaries=summaries,
            tokenizer=None if summaries is not None else self.tokenizer,
        ) as recording:
            yield recording

    def run(self, source: Tokens, target: Tokens | None) -> None:
        """Run one forward pass, without a mask: a single text has no padding."""
        self.run_ids(source.ids, None if target is None else target.ids)

    def run_ids(self, source: Sequence[int], target: Sequence[int] | None) -> None:
        """Run one forward pass of token ids."""
        with _quiet(self._transformers), self._torch.inference_mode():
            self.stack(**self._arguments(source, target))

    def inputs(self, source: Tokens, target: Tokens | None, most: int | None = None) -> Any:
        """Return the model's arguments by name, with at most ``most`` tokens of each text."""
        return self._arguments(source.ids[:most], None if target is None else target.ids[:most])

    def _arguments(self, source: Sequence[int], target: Sequence[int] | None) -> Any:
        inputs = {"input_ids": self._torch.tensor([list(source)], device=self.device)}
        if target is not None:
            inputs["decoder_input_ids"] = self._torch.tensor([list(target)], device=self.device)
        more = {"use_cache": False} if hasattr(self.config, "use_cache") else {}
        return {**inputs, **more}

    def _load(self, kind: str, what: str, **settings: Any) -> Any:
        try:
            # Explicitly False: by default, transformers asks whether to run a folder's code.
            return getattr(self._transformers, kind).from_pretrained(
                self.name, trust_remote_code=False, **settings
            )
        except Exception as error:  # transformers may raise any error for a damaged file
            first = str(error).strip().splitlines()
            raise CheckpointError(
                f"The {what} of {self.name!r} cannot be loaded: "
                f"{first[0] if first else type(error).__name__} Give the name of a text model on "
                "the Hugging Face hub, or a folder that save_pretrained has written, tokenizer "
                "included."
            ) from error

    def _check_weights(self) -> None:
        beside = ("pooler",) if self._writes else BESIDE
        essential = [key for key in self.missing if not any(part in key for part in beside)]
        if essential:
            more = f" and {len(essential) - 1} more" if len(essential) > 1 else ""
            raise CheckpointError(
                f"{self.name} lacks weights of {type(self.model).__name__}: {essential[0]}{more}. "
                "They would be random, and so would be "
                + ("what it says." if self._writes else "its attention.")
            )

    @property
    def foretells(self) -> bool:
        """Whether a language model's head is loaded, only for its weights."""
        names = getattr(self.config, "architectures", None) or []
        ends = ("ForCausalLM", "LMHeadModel")
        return self._copies and not self.two_stacks and any(name.endswith(ends) for name in names)

    @property
    def fills_masks(self) -> bool:
        """Whether it predicts masked words instead of the next word."""
        names = getattr(self.config, "architectures", None) or []
        return self._writes and any(name.endswith("ForMaskedLM") for name in names)

    def _class(self) -> str:
        """Return the name of the transformers class that loads the model."""
        if self.two_stacks:
            return "AutoModelForSeq2SeqLM"
        if self.foretells:
            return "AutoModelForCausalLM"
        if not self._writes:
            return "AutoModel"
        return "AutoModelForMaskedLM" if self.fills_masks else "AutoModelForCausalLM"

    def _device(self, name: str | None) -> torch.device:
        cuda = self._torch.cuda.is_available()
        try:
            device = self._torch.device(name or ("cuda" if cuda else "cpu"))
        except RuntimeError as error:
            raise ConfigError(f"--device {name}: {str(error).splitlines()[0]}") from error
        if device.type == "cuda" and not cuda:
            raise ConfigError(f"--device {name}: PyTorch finds no GPU here. Use --device cpu.")
        return device

    def _shifted(self, ids: list[int]) -> list[int]:
        """Return a target as the decoder's input: with the start token, without the end token."""
        start = self.start_id
        # Some tokenizers already add the decoder's start token.
        body = ids[1:] if ids and ids[0] == start else ids
        ends = {self.tokenizer.eos_token_id, self.tokenizer.sep_token_id} - {None}
        return [start, *(body[:-1] if body and body[-1] in ends else body)]

    def _unusable_positions(self) -> int:
        """Return how many positions RoBERTa skips: it counts from after its padding index."""
        for name, module in self.model.named_modules() if hasattr(self, "model") else ():
            if name.endswith("position_embeddings"):
                index = getattr(module, "padding_idx", None)
                return 0 if index is None else int(index) + 1
        return 0


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Silence the progress bars and warnings of transformers; important ones are errors here."""
    logging = transformers.utils.logging
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
