"""A limit on memory that is in force (``ulimit -v``) is answered by a sentence, come what may.

Libraries end the process when they get no memory: C++ calls abort, and a thread that cannot be
made is followed by a broken pointer. Then nobody is left to say why. So under a limit, and under
one alone, the command runs in a forked process, and this one waits for it.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

_SENTENCE = (
    b"clearhead: The memory is used up. Give it more, if a limit is in force (see `ulimit -v`), or "
    b"less to do at once: a smaller batch, a smaller beam or a shorter text.\n"
)
# What libraries say in errors of their own: PyTorch, the system about a library to load, C++, and
# Rust about threads, whose stacks are memory.
_WORDS = (
    "can't allocate memory",
    "cannot allocate memory",
    "failed to map segment",
    "bad_alloc",
    "thread pool has not been initialized",
    "can't start new thread",
)
_OF_MEMORY = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGTRAP)
_END_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux


def lacks_memory(error: BaseException) -> bool:
    """Tell whether an error, or one that it came from, says that there is no memory."""
    link: BaseException | None = error
    for _ in range(32):
        if link is None:
            return False
        words = str(link).lower()
        if isinstance(link, MemoryError) or any(part in words for part in _WORDS):
            return True
        # An import that gets no memory may end with an error that was not set.
        if isinstance(link, SystemError) and is_limited():
            return True
        link = link.__cause__ or link.__context__
    return False


def is_limited() -> bool:
    """Tell whether a limit on the address space is in force, on Linux, where it is heeded."""
    if sys.platform != "linux":
        return False
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def say_it_is_used_up() -> None:
    """Write the sentence; no memory is needed for it any more."""
    try:
        print(_SENTENCE.decode(), end="", file=sys.stderr, flush=True)
    except MemoryError:
        os.write(2, _SENTENCE)


def go_on_in_a_forked_process() -> None:
    """Return in a forked process, and end this one as that one ends.

    Signals that are sent to this one are passed on; those of the terminal reach both.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    waited = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    parent = os.getpid()
    child = os.fork()
    if not child:
        _end_with(parent)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    while True:
        info = signal.sigwaitinfo(waited)
        if info.si_signo == signal.SIGCHLD:
            number, status = os.waitpid(child, os.WNOHANG)
            if number:
                _end_as(os.waitstatus_to_exitcode(status))
        elif info.si_code <= 0:  # of a process, not of the terminal
            os.kill(child, info.si_signo)


def _end_with(parent: int) -> None:
    """Let the kernel end this process when its parent is ended."""
    import ctypes

    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _end_as(status: int) -> NoReturn:
    """End as the forked process has; where a library has ended it, with the sentence."""
    if status >= 0:
        os._exit(status)
    number = signal.Signals(-status)
    if number in _OF_MEMORY:
        say_it_is_used_up()
        os._exit(1)
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)
