"""Training in a process of its own, forked from one that has PyTorch: a fresh one takes seconds."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

SERVER = multiprocessing.get_context("forkserver")
# What an optimizer loads when the first one is made, too.
SERVER.set_forkserver_preload(["clearhead.training.loop", "torch._dynamo"])


def train(table: dict[str, Any], run: Path, messages: Path) -> None:
    """Train, in the process that was forked; what it says goes into a file."""
    os.dup2(os.open(messages, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    from clearhead.training.loop import Trainer
    from clearhead.training.settings import Settings

    Trainer(Settings.from_dict(table), run).train()


class Training:
    """A run that another process works on.

    Args:
        table: its settings.
        run: its folder.
    """

    def __init__(self, table: dict[str, Any], run: Path) -> None:
        self._messages = run.with_suffix(".messages")
        self._process: ForkServerProcess = SERVER.Process(
            target=train, args=(table, run, self._messages), daemon=True
        )
        self._process.start()

    @property
    def is_running(self) -> bool:
        return self._process.exitcode is None

    def kill(self) -> None:
        """End it with SIGKILL, which it must have lived to see."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()
        assert self._process.exitcode == -signal.SIGKILL, "it had ended before it could be killed"

    def finish(self) -> str:
        """Wait for its end; what it said."""
        self._process.join(120)
        messages = self._messages.read_text()
        assert self._process.exitcode == 0, messages
        return messages
