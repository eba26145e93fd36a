"""Reports attentions in the order of their softmaxes, though some wait for their output."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ....recording.captured import CapturedAttention
from ...listener import Listener
from ...owners import Owner

Telling = Callable[[], None]


class Place:
    """The place of a waiting attention among later ones."""

    def __init__(self) -> None:
        self.telling: Telling | None = None


class WaitingListener:
    """Passes attentions on at once or, while one is waited for, in the order of their arrival.

    Args:
        listener: is told of each attention, read or refused.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._places: deque[Place] = deque()

    def wait(self) -> Place:
        """Reserve a place for an attention that is reported later, before all that follow."""
        place = Place()
        self._places.append(place)
        return place

    def add(self, owner: Owner, captured: CapturedAttention) -> None:
        """Receive an attention that was read, and the module that computed it."""
        if self._places and captured.value is not None:
            captured.value = captured.value.clone()  # the model may overwrite its own
        self._tell(self.wait(), lambda: self._listener.add(owner, captured))

    def refuse(self, owner: Owner, why: str, kernel: str) -> None:
        """Receive a refusal: the module, the reason, and the kernel."""
        self._tell(self.wait(), lambda: self._listener.refuse(owner, why, kernel))

    def add_at(self, place: Place, owner: Owner, captured: CapturedAttention) -> None:
        """Report an attention that was waited for."""
        self._tell(place, lambda: self._listener.add(owner, captured))

    def refuse_at(self, place: Place, owner: Owner, why: str, kernel: str) -> None:
        """Refuse an attention that was waited for."""
        self._tell(place, lambda: self._listener.refuse(owner, why, kernel))

    def _tell(self, place: Place, telling: Telling) -> None:
        place.telling = telling
        while self._places and self._places[0].telling is not None:
            one = self._places.popleft()
            assert one.telling is not None
            one.telling()
