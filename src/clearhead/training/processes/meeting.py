"""Lets processes started by torchrun find each other, separately in every attempt.

torchrun keeps one store of addresses. After a restart the store may still hold addresses of ended
processes under the same keys, and a process that reads them would wait for ever. So the processes
of an attempt first agree on a word unique to the attempt, and prefix all their keys with it.
"""

from __future__ import annotations

import json
import secrets
import time

from torch._C._distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from ...file_reading import parse_json

_SECONDS = 600.0  # the time for all processes to start
_PAUSE = 0.02


def meeting_store(rank: int, count: int) -> Store:
    """Return the store at MASTER_ADDR and MASTER_PORT, with keys used only in this attempt.

    Raises:
        RuntimeError: the other processes did not start in time.
    """
    store, *_ = next(iter(rendezvous("env://", rank, count)))
    shared = PrefixStore("clearhead", store)
    return PrefixStore(_word_of_attempt(shared, rank, count), shared)


def _word_of_attempt(store: Store, rank: int, count: int) -> str:
    """Return the word that all processes of an attempt agree on.

    Each process writes a unique name. The first process publishes the names that it finds, together
    with a word. A process that finds its own name in this list signs it; when all have signed, the
    word is agreed. The name of an ended process is never signed for, and is replaced later.
    """
    own = secrets.token_hex(8)
    store.set(f"name/{rank}", own)
    deadline = time.monotonic() + _SECONDS
    names: list[str] = []
    word = ""
    while time.monotonic() < deadline:
        if rank == 0:
            present = _names(store, count)
            if present != names:
                names, word = present, secrets.token_hex(8)
                store.set("list", json.dumps([word, names]))
        elif store.check(["list"]):
            word, names = parse_json(store.get("list"))
        if names[rank : rank + 1] == [own]:
            if rank:
                store.set(f"signed/{word}/{rank}", "")
            if _is_agreed(store, word, rank, count):
                return str(word)
        time.sleep(_PAUSE)
    raise RuntimeError(f"Not all of {count} processes have started within {_SECONDS:.0f} seconds.")


def _is_agreed(store: Store, word: str, rank: int, count: int) -> bool:
    """Return whether all have signed; the first process tells the others through the store."""
    if rank:
        return bool(store.check([f"agreed/{word}"]))
    signatures = [f"signed/{word}/{other}" for other in range(1, count)]
    if signatures and not store.check(signatures):
        return False
    store.set(f"agreed/{word}", "")
    return True


def _names(store: Store, count: int) -> list[str]:
    """Return the names of all processes; an empty list as long as one is missing."""
    keys = [f"name/{rank}" for rank in range(count)]
    if not store.check(keys):
        return []
    return [store.get(key).decode() for key in keys]
