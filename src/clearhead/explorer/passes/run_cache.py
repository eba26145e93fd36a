"""A cache of recent values, limited by bytes and safe for threads, that computes each once."""

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
    """The most recently used values, as many as fit.

    If several threads ask for a value at once, the first computes it and the others wait. An error
    is raised in all waiting threads and is not stored. But if the first is cancelled (see
    `stopping`), the next one computes the value.

    Args:
        most_bytes: the most memory of all values together; the most recently used one is kept even
            if it alone is larger.
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
        """Return the value of a key; compute it if it is not stored."""
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
                # The error refers to this frame. If the frame referred to the error's future, both
                # would keep all arrays of the computation alive until Python collects such cycles.
                del future

    def recall(self, key: Key) -> Value | None:
        """Return the value of a key if it is stored."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def store(self, key: Key, value: Value) -> None:
        """Store a value, and drop the least recently used until all fit."""
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
