"""How processes that torchrun started find each other, in every attempt anew.

torchrun keeps one store of addresses. After a restart it may still hold those of processes that
are gone, under the same keys, and whoever reads them waits in vain. So the processes of an attempt
first agree on a word that no other attempt has, and use keys with that word in front.
"""

from __future__ import annotations

import json
import secrets
import time

from torch._C._distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from ...file_reading import parse_json

_SECONDS = 600.0  # until all processes have started
_PAUSE = 0.02


def meeting_store(rank: int, count: int) -> Store:
    """Return the store of MASTER_ADDR and MASTER_PORT, with keys of this attempt alone.

    Raises:
        RuntimeError: the others did not come.
    """
    store, *_ = next(iter(rendezvous("env://", rank, count)))
    shared = PrefixStore("clearhead", store)
    return PrefixStore(_word_of_attempt(shared, rank, count), shared)


def _word_of_attempt(store: Store, rank: int, count: int) -> str:
    """Return the word that all processes of an attempt agree on.

    Each writes a name that it has alone. The first process writes down the names that it finds,
    with a word; whoever finds its own name among them signs, and when all have signed the word
    counts. A name of a process that is gone is never signed for, and is found replaced later.
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
    """Return whether all have signed, which the first process says to the others."""
    if rank:
        return bool(store.check([f"agreed/{word}"]))
    signatures = [f"signed/{word}/{other}" for other in range(1, count)]
    if signatures and not store.check(signatures):
        return False
    store.set(f"agreed/{word}", "")
    return True


def _names(store: Store, count: int) -> list[str]:
    """Return the names that are there; nothing as long as one is missing."""
    keys = [f"name/{rank}" for rank in range(count)]
    if not store.check(keys):
        return []
    return [store.get(key).decode() for key in keys]
