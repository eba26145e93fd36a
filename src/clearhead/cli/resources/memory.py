"""Reports in one sentence that memory is used up, under a limit on memory (``ulimit -v``).

Libraries end the process when they get no memory: C++ calls abort, and a failure to create a thread
leads to a crash. Then the process cannot report the reason. So under such a limit, and only then,
the command runs in a forked process, and this process waits for it.
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
# Messages in errors of PyTorch, of the system when loading a library, of C++, and of Rust when
# creating threads, whose stacks need memory.
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
    """Return whether an error, or one of its causes, says that there is no memory."""
    link: BaseException | None = error
    for _ in range(32):
        if link is None:
            return False
        words = str(link).lower()
        if isinstance(link, MemoryError) or any(part in words for part in _WORDS):
            return True
        # An import without memory may end with an error that was not set.
        if isinstance(link, SystemError) and is_limited():
            return True
        link = link.__cause__ or link.__context__
    return False


def is_limited() -> bool:
    """Return whether the address space is limited, on Linux, where the limit is enforced."""
    if sys.platform != "linux":
        return False
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def say_it_is_used_up() -> None:
    """Write the sentence; this needs no more memory."""
    try:
        print(_SENTENCE.decode(), end="", file=sys.stderr, flush=True)
    except MemoryError:
        os.write(2, _SENTENCE)


def go_on_in_a_forked_process() -> None:
    """Continue in a forked process; this process waits, and ends with the same status.

    Signals sent to this process are passed on; the terminal's signals reach both.
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
        elif info.si_code <= 0:  # sent by a process, not by the terminal
            os.kill(child, info.si_signo)


def _end_with(parent: int) -> None:
    """Make the kernel end this process when its parent ends."""
    import ctypes

    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _end_as(status: int) -> NoReturn:
    """Exit like the forked process; if a library ended it, print the sentence first."""
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
