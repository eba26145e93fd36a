"""Reads attention out of the operators that a model runs, after each of them ran.

A fused kernel is an attention by itself, and is read from its arguments and results. Attention that
a model writes out is several operators, which the score tracker follows. Other operators matter
only for what they tell about these: which mask was made from which, and which tensor is a copy of
which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..recording.captured import CapturedAttention, Unreadable
from .agreement import check_output
from .eager import ScoreTracker
from .kernels import (
    arguments,
    fused_kernel,
    read_encoder_layer,
    read_flex,
    read_fused,
    read_multi_head,
)
from .listener import Listener
from .mask_cache import MaskCache
from .operators import Action, Operator, OperatorRun
from .owners import Chain, ModuleNames, Owner, find_chain, find_owner
from .pause import recorder_work
from .plain_tensors import is_plain, kind_of_tensors

_MOVES = (Action.COPY, Action.JOIN, Action.MOVE)


class OperatorReader:
    """Reads the operators that one model runs in one thread.

    Args:
        names: the names of the model's modules.
        parameters: storages of the model's parameters.
        listener: is told of each attention, read or refused.
        inputs: whether owners record the arguments of the outermost call.
    """

    def __init__(
        self,
        names: ModuleNames,
        parameters: frozenset[int],
        listener: Listener,
        *,
        inputs: bool,
    ) -> None:
        self._names, self._listener, self._inputs = names, listener, inputs
        self._masks = MaskCache()
        self.tracker = ScoreTracker(self._owner, self._chain, parameters, self._masks, listener)
        self._readers: dict[Action, Callable[[OperatorRun], None]] = {
            Action.PRODUCT: self._read_product,
            Action.SOFTMAX: self._read_softmax,
            Action.FUSED: self._read_fused,
            Action.FLEX: self._read_flex,
            Action.ENCODER_LAYER: self._read_encoder_layer,
            Action.MULTI_HEAD: self._read_multi_head,
            Action.UNKNOWN_ATTENTION: self._refuse_unknown_attention,
        }

    def read(self, run: OperatorRun) -> None:
        """Read an operator that ran; no error in here reaches the model."""
        with recorder_work():
            try:
                self._read(run)
            except Unreadable as error:
                self.refuse(str(error), run.operator)
            except Exception as error:
                # The model must run on, and the user must be told: a refusal instead of a doubtful
                # map.
                self.refuse(f"reading it failed: {type(error).__name__}: {error}", run.operator)

    def refuse(self, why: str, operator: Operator) -> None:
        """Refuse the attention of the module that is running, if it is one of the model's."""
        owner = self._owner()
        if owner is not None:
            self._listener.refuse(owner, why, str(operator.func))

    def finish(self) -> None:
        """Tell of the attentions that were not over when the last operator ran."""
        with recorder_work():
            self.tracker.finish()
        self._masks.clear()

    def _owner(self) -> Owner | None:
        return find_owner(self._names, outermost=self._inputs)

    def _chain(self) -> Chain:
        return find_chain(self._names)

    def _read(self, run: OperatorRun) -> None:
        operator, args, _, out = run
        # What was noted about memory that an operator writes to no longer holds.
        for x in run.written_tensors() if operator.writes else ():
            if is_plain((x,)):
                self._masks.forget(x)
                if self.tracker.live:
                    self.tracker.after_a_write(x, args)
        if operator.needs_plain and not is_plain((*args, out)):
            raise Unreadable(kind_of_tensors((*args, out)))
        reader = self._readers.get(operator.action, self._note_other)
        reader(run)

    # Attention that the model writes out

    def _read_product(self, run: OperatorRun) -> None:
        if is_plain((*run.args, run.out)):
            self.tracker.product(run.operator.name, run.args, run.kwargs, run.out)

    def _read_softmax(self, run: OperatorRun) -> None:
        self.tracker.softmax(run.args, run.out)

    # Attention that is one operator

    def _read_fused(self, run: OperatorRun) -> None:
        owner = self._owner()
        if owner is None:
            return
        kernel = fused_kernel(run.operator.func)
        assert kernel is not None
        captured, output = read_fused(
            kernel,
            _call(run),
            run.out,
            self._masks,
            lambda query: self.tracker.is_heads_first(query, owner),
        )
        self._check_and_tell(owner, captured, output)

    def _read_flex(self, run: OperatorRun) -> None:
        owner = self._owner()
        if owner is not None:
            captured = read_flex(run.args, run.kwargs, run.out)
            self._check_and_tell(owner, captured, run.out[0].detach())

    def _check_and_tell(self, owner: Owner, captured: CapturedAttention, output: Tensor) -> None:
        """Compare an attention with the kernel's output, unless dropout has changed that."""
        if captured.dropout == 0 and captured.value is not None:
            dtypes = (captured.query.dtype, output.dtype)
            check_output(captured, output, captured.value.detach(), dtypes=dtypes)
        self._listener.add(owner, captured)

    def _read_encoder_layer(self, run: OperatorRun) -> None:
        owner = self._owner()
        if owner is not None:
            call = _call(run)
            owner = self._attention_within(owner, call["qkv_weight"])
            self._listener.add(owner, read_encoder_layer(call, run.out, self._masks))

    def _attention_within(self, owner: Owner, weight: Tensor) -> Owner:
        """Return the attention of an encoder layer, which is found by its weight."""
        for name, module in self._names.modules:
            if getattr(module, "in_proj_weight", None) is weight:
                return replace(owner, name=name, module=module, kind="self")
        return owner

    def _read_multi_head(self, run: OperatorRun) -> None:
        owner = self._owner()
        if owner is not None:
            self._listener.add(owner, read_multi_head(_call(run), run.out, self._masks))

    def _refuse_unknown_attention(self, run: OperatorRun) -> None:
        raise Unreadable(f"the operator {run.operator.func} is not known to clearhead")

    # Operators that tell something about attention, scores or weights

    def _note_other(self, run: OperatorRun) -> None:
        operator, args, kwargs, out = run
        action = operator.action
        if action is Action.NOISE:
            keep = args[1] if len(args) > 1 else 0.5  # the dispatcher omits defaults
            if isinstance(keep, float):
                self.tracker.weights.note_noise(args[0], keep)
        elif action is Action.MASK:
            self._note_mask(args, out)
        elif action is Action.COPY and out.ndim > 2 and is_plain((args[0], out)):
            self.tracker.copies.note(args[0], out)
        elif action is Action.JOIN and out.ndim > 2 and is_plain((args[0], out)):
            axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
            is_stack = operator.name == "stack"
            self.tracker.copies.note_joined(args[0], out, is_stack=is_stack, axis=axis)
        if action in _MOVES and is_plain((*args, out)):
            self.tracker.assembled.movements.note(operator.name.rstrip("_"), args, kwargs, out)
        if self.tracker.live and is_plain((*args, out)):
            self.tracker.other(operator.func, args, kwargs, out)

    def _note_mask(self, args: tuple[Any, ...], out: Any) -> None:
        """Note a float mask that SDPA made of a boolean one: 0 where True, or else -inf."""
        if len(args) != 3 or not all(isinstance(x, Tensor) for x in args):
            return
        condition, if_true, if_false = args
        if condition.dtype != torch.bool or if_true.numel() != 1 or if_false.numel() != 1:
            return
        if out.shape == condition.shape and float(if_true) == 0.0 and float(if_false) == -torch.inf:
            self._masks.note_origin(out, condition)


def _call(run: OperatorRun) -> Mapping[str, Any]:
    return arguments(run.operator.func, run.args, run.kwargs)
