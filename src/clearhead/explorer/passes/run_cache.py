"""Runs that were asked for lately, so that each is computed once: bounded by bytes, for threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

from ..contract.stopping import QuestionCancelled, check


class Sized(Protocol):
    """Anything with `nbytes`."""

    @property
    def nbytes(self) -> int: ...


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value", bound=Sized)


class RunCache(Generic[Key, Value]):
    """The values used last, as many as fit.

    A value that several threads ask for at once is computed by the first, and the others wait
    for it. An error reaches all who wait and is not kept; but where the first is given up (see
    `stopping`), the next of them computes it.

    Args:
        most_bytes: what all values together may hold; the one used last is kept even if it is
            larger by itself.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._computing: dict[Key, Future[Value]] = {}
        self._nbytes = 0

    @property
    def nbytes(self) -> int:
        """Total size of the values in bytes."""
        return self._nbytes

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def get(self, key: Key, compute: Callable[[], Value]) -> Value:
        """Return the value of a key, computed if it is not there."""
        while True:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return self._values[key]
                future = self._computing.get(key)
                mine = future is None
                if future is None:
                    future = self._computing[key] = Future()
            try:
                if mine:
                    self._compute(key, future, compute)
                return future.result()
            except QuestionCancelled:
                if mine:
                    raise
                check()
            finally:
                # An error knows this frame. If the frame knew the error's future, both would hold
                # every array of the computation until Python looks for such cycles.
                del future

    def recall(self, key: Key) -> Value | None:
        """Return the value of a key where it is there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def store(self, key: Key, value: Value) -> None:
        """Store a value, and drop those used longest ago until all fit."""
        with self._lock:
            if key in self._values:
                self._nbytes -= self._values.pop(key).nbytes
            self._values[key] = value
            self._nbytes += value.nbytes
            while self._nbytes > self.most_bytes and len(self._values) > 1:
                _, old = self._values.popitem(last=False)
                self._nbytes -= old.nbytes

    def _compute(self, key: Key, future: Future[Value], compute: Callable[[], Value]) -> None:
        try:
            value = compute()
            self.store(key, value)
            future.set_result(value)
        except BaseException as error:
            future.set_exception(error)
        finally:
            with self._lock:
                del self._computing[key]
            del future  # as in `get`
