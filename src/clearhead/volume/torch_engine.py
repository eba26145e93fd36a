"""An engine on PyTorch: `clearhead.nn` with a cache of keys and values.

It has the interface of `clearhead.engine.reference_engine`, so any search runs on it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..engine.parents import check_parents
from ..errors import ShapeError, require
from ..shapes import Array, Float, Int

PURPOSE = "The engine torch"


def best_device() -> str:
    """Return the device for PyTorch: ``cuda`` if there is a GPU, otherwise ``cpu``."""
    torch = require("torch", extra="torch", purpose=PURPOSE)
    return "cuda" if torch.cuda.is_available() else "cpu"


class TorchEngine:
    """Decodes with an encoder-decoder of `clearhead.nn`: a `clearhead.engine.protocols.Engine`.

    Args:
        config: of the model.
        weights: arrays by the names of docs/formats.md.
        compute: ``float32`` or ``bfloat16``. Log-probabilities are float32 in both.
        device: ``cpu`` or ``cuda``.

    Raises:
        MissingExtraError: PyTorch is not installed.
    """

    def __init__(
        self,
        config: TransformerConfig,
        weights: Mapping[str, Array],
        *,
        compute: str = "float32",
        device: str = "cpu",
    ) -> None:
        torch = require("torch", extra="torch", purpose=PURPOSE)
        from ..nn.transformer import Transformer

        self.config, self.compute, self.device = config, compute, device
        model = Transformer(config)
        model.load_state_dict({name: torch.tensor(weight) for name, weight in weights.items()})
        self.model = model.eval().to(device=device, dtype=getattr(torch, compute))

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return self.config.vocab_size

    def begin(self, sources: Sequence[Sequence[int]]) -> TorchDecoding:
        """Encode sources and begin to decode them.

        Args:
            sources: token ids of each source, end token included, without padding.

        Raises:
            ShapeError: a source is empty or longer than max_length.
        """
        longest = self.config.max_length
        for number, source in enumerate(sources):
            if not 0 < len(source) <= longest:
                raise ShapeError(
                    f"A source has 1 to {longest} tokens; source {number} has {len(source)}."
                )
        return TorchDecoding(self, sources)


class TorchDecoding:
    """A `clearhead.engine.protocols.Decoding` of encoded sources."""

    def __init__(self, engine: TorchEngine, sources: Sequence[Sequence[int]]) -> None:
        import torch

        self._torch, self._model, self._device = torch, engine.model, engine.device
        lengths = np.array([len(source) for source in sources])
        ids = np.full((len(sources), int(lengths.max(initial=1))), engine.config.pad_id)
        is_real = np.arange(ids.shape[1]) < lengths[:, None]
        ids[is_real] = np.concatenate([np.asarray(source) for source in sources])
        with torch.inference_mode():
            self._encoded = self._model.encode(self._tensor(ids), mask=self._tensor(is_real))
            self._source_memories = self._model.memories(self._encoded)
        self._rows: Int[Array, "rows"] = np.arange(len(sources))  # the source of each row
        self._memories: list[Any] | None = None
        self._row_mask: Any = None
        self._past: list[Any] | None = None

    def advance(self, tokens: Array, parents: Array) -> Float[Array, "rows vocab"]:
        """See `clearhead.engine.protocols.Decoding.advance`."""
        tokens, parents = check_parents(tokens, parents, len(self._rows))
        self._check_tokens(tokens)
        with self._torch.inference_mode():
            self._share_memories(self._rows[parents])
            self._reorder(parents)
            hidden, self._past = self._model.decode(
                self._tensor(tokens[:, None]), self._row_mask, memories=self._memories,
                past=self._past,
            )  # fmt: skip
            logits = self._model.logits(hidden[:, 0])
            log_probs = self._torch.log_softmax(logits, dim=-1, dtype=self._torch.float32)
            # A new array, which the caller may change, outside inference mode.
            result: Array = log_probs.cpu().numpy()
        return result

    def _share_memories(self, rows: Int[Array, "rows"]) -> None:
        """Let each row attend to its own source."""
        from ..nn.transformer import Encoded

        if self._memories is not None and np.array_equal(rows, self._rows):
            return
        index, encoded = self._tensor(rows), self._encoded
        self._memories = [
            type(memory)(*(part.index_select(0, index) for part in memory))
            for memory in self._source_memories
        ]
        mask = None if encoded.mask is None else encoded.mask.index_select(0, index)
        # Attention reads the memories; only the mask of the encoder's result is read, so its output
        # can be any tensor of the right shape.
        output = encoded.output[:1].expand(len(rows), -1, -1)
        self._row_mask = Encoded(output, mask)
        self._rows = rows

    def _reorder(self, parents: Int[Array, "rows"]) -> None:
        """Let each row continue from its parent."""
        if self._past is None:
            return
        before = self._past[0].key.shape[0]
        if len(parents) == before and np.array_equal(parents, np.arange(before)):
            return
        index = self._tensor(parents)
        self._past = [
            type(layer)(*(part.index_select(0, index) for part in layer)) for layer in self._past
        ]

    def _check_tokens(self, tokens: Int[Array, "rows"]) -> None:
        size = self._model.config.vocab_size
        if tokens.size and not (tokens.min() >= 0 and tokens.max() < size):
            raise ShapeError(f"Token ids are from 0 to {size - 1}; got {tokens}.")

    def _tensor(self, array: Array) -> Any:
        return self._torch.from_numpy(np.ascontiguousarray(array)).to(self._device)


def faster_compute(
    engines: Mapping[str, TorchEngine], sources: Sequence[Sequence[int]], steps: int = 8
) -> str:
    """Return the name of the fastest engine for some sources.

    Args:
        engines: by the type that they compute in.
        sources: token ids, end token included; some dozens.
        steps: the number of decoding steps, with arbitrary tokens.

    Returns:
        a key of ``engines``; the best of three times counts for each.
    """
    times = dict.fromkeys(engines, float("inf"))
    for _ in range(3):
        for name, engine in engines.items():  # in turn, to share slowdowns
            start = time.perf_counter()
            decoding, rows = engine.begin(sources), np.arange(len(sources))
            for _ in range(steps):
                decoding.advance(np.full(len(sources), engine.config.start_id), rows)
            times[name] = min(times[name], time.perf_counter() - start)
    return min(times, key=lambda name: times[name])
