"""A piece of work in a process under ptrace(2), stopped at each of its calls on files.

So the calls of compiled libraries are seen as those of Python are. Linux on x86-64; `why_not` says
what is missing elsewhere.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from clearhead.errors import ClearheadError
from tests.faults.system_calls import (
    FILES,
    FLAGS,
    HERE,
    OPENED_TO_CHANGE,
    PATHS,
    READS,
    Call,
    Fault,
    Outcome,
)

_TRACEME, _SYSCALL, _SETOPTIONS, _INFO, _POKEUSER, _CONT = 0, 24, 0x4200, 0x420E, 6, 7
# System calls marked, threads and forks followed, filtered calls told, all ended with the tracer.
_OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x80 | 0x100000
_MARKED = signal.SIGTRAP | 0x80
_FILTERED = signal.SIGTRAP | 7 << 8
_RDX, _RAX, _ORIG_RAX = 12 * 8, 10 * 8, 15 * 8
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_TELL, _ALLOW = 0x7FF00000, 0x7FFF0000
_CHANGING = {number: name for name, (number, _) in (PATHS | FILES).items()}
_READING = {number: name for name, (number, _) in READS.items()}
_READING |= {number: name for number, name in _CHANGING.items() if name in FLAGS}
_supervisor: list[int] = []  # of a process that was forked to trace: its own number
_PATIENCE = 300  # seconds after which a piece of work that waits for something is ended


@cache
def why_not() -> str | None:
    """Say why nothing can be traced here, or None."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return (
            f"calls are watched on Linux and x86-64; this is {sys.platform}, {platform.machine()}"
        )
    try:
        outcome = watch(lambda: None, Path("/"))
    except OSError as error:
        return f"ptrace is not permitted here: {error}"
    return None if outcome.status == 0 else "ptrace does not work here"


def watch(
    work: Callable[[], object], folder: Path, fault: Fault | None = None, *, reads: bool = False
) -> Outcome:
    """Run a piece of work in a process of its own and see its calls on files below a folder.

    Args:
        work: what it does. SystemExit gives its status, an error that a caller is told of (ours, or
            the system's) 2 with its message, and any other 99 with its traceback.
        folder: of the files that count.
        fault: what befalls it.
        reads: whether those that read count, in place of those that change files.
    """
    place = os.path.realpath(folder)
    if not _supervisor and (fault is None or fault.between is None):
        return _supervise(work, place, fault, reads)
    # What is done in between traces a process of its own, and a tracer waits for all its children:
    # so each of the two is in a process that has no other.
    reader, writer = os.pipe()
    supervisor = os.fork()
    if not supervisor:
        os.close(reader)
        _supervisor.append(os.getpid())
        try:
            outcome = _supervise(work, place, fault, reads)
            answer: object = [
                [[call.name, *call.paths] for call in outcome.calls],
                outcome.status,
                outcome.words,
            ]
        except BaseException:
            answer = traceback.format_exc()
        with os.fdopen(writer, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = json.load(pipe)
    os.waitpid(supervisor, 0)
    if isinstance(answer, str):
        raise OSError(answer)
    calls, status, words = answer
    return Outcome(tuple(Call(name, tuple(paths)) for name, *paths in calls), status, words)


def _supervise(
    work: Callable[[], object], folder: str, fault: Fault | None, reads: bool
) -> Outcome:
    names = _READING if reads else _CHANGING
    words = os.memfd_create("words")
    child = os.fork()
    if not child:
        _work(work, words, names)
    calls = _Tracer(child, folder, fault, names).run()
    os.lseek(words, 0, os.SEEK_SET)
    with os.fdopen(words, errors="replace") as file:
        return Outcome(tuple(calls.calls), calls.status, file.read())


def _work(work: Callable[[], object], words: int, numbers: Iterable[int]) -> None:
    """Do the work in the forked process, and leave it without what its parent would do at exit."""
    status = 99
    try:
        os.dup2(words, 1)
        os.dup2(words, 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
        _ptrace(_TRACEME, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        signal.alarm(_PATIENCE)
        _tell_of(numbers)
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except (ClearheadError, OSError) as error:  # what a library says to its caller
        print(f"{type(error).__name__}: {error}")
        status = 2
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _tell_of(numbers: Iterable[int]) -> None:
    """Let the kernel stop this process for the tracer at these calls alone: seccomp(2)."""
    rows = [(_LOAD, 0, 0, 0)]  # the number of the call
    numbers = list(numbers)
    for i, number in enumerate(numbers, 1):
        rows.append((_JUMP_IF_EQUAL, len(numbers) - i + 1, 0, number))  # to the last row
    rows += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _TELL)]
    program = b"".join(struct.pack("<HBBI", *row) for row in rows)
    content = ctypes.create_string_buffer(program, len(program))
    described = ctypes.create_string_buffer(
        struct.pack("<H6xQ", len(rows), ctypes.addressof(content)), 16
    )
    for request in ((_NO_NEW_PRIVILEGES, 1, 0), (_SET_SECCOMP, _FILTER, described)):
        if _library().prctl(*request, 0, 0):
            raise OSError(ctypes.get_errno(), "seccomp is not permitted")


def _ptrace(request: int, pid: int, address: int, data: object) -> int:
    pointer = data if not isinstance(data, int) else ctypes.c_void_p(data)
    result = _library().ptrace(request, pid, ctypes.c_void_p(address), pointer)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace {request:#x}: {os.strerror(number)}")
    return int(result)


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.restype = ctypes.c_long
    return library


class _Tracer:
    """Follows a process, all its threads and children, from call to call."""

    def __init__(
        self, child: int, folder: str, fault: Fault | None, names: Mapping[int, str]
    ) -> None:
        self._child, self._folder, self._fault = child, folder, fault
        self._names = names
        self._info = ctypes.create_string_buffer(128)
        self._is_halved = False
        self.calls: list[Call] = []
        self.status = 0

    def run(self) -> _Tracer:
        os.waitpid(self._child, 0)
        _ptrace(_SETOPTIONS, self._child, 0, _OPTIONS)
        _ptrace(_CONT, self._child, 0, 0)
        threads = {self._child}
        while True:
            try:
                thread, status = os.waitpid(-1, 0x40000000)  # __WALL: threads as well
            except ChildProcessError:
                return self
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if thread == self._child:
                    self.status = os.waitstatus_to_exitcode(status)
                continue
            signum, onward = os.WSTOPSIG(status), 0
            if status >> 8 == _FILTERED:
                self._at_call(thread)
            elif signum == _MARKED:  # half a write is done
                os.kill(self._child, signal.SIGKILL)
            elif signum == signal.SIGSTOP and thread not in threads:
                pass  # a new thread, stopped to be traced
            elif signum != signal.SIGTRAP:
                onward = signum
            threads.add(thread)
            try:
                _ptrace(_SYSCALL if self._is_halved else _CONT, thread, 0, onward)
            except ProcessLookupError:
                continue  # it was killed

    def _at_call(self, thread: int) -> None:
        try:
            _ptrace(_INFO, thread, len(self._info), self._info)
        except ProcessLookupError:
            return
        number, *arguments = struct.unpack_from("<7Q", self._info.raw, 24)
        self._at_entry(thread, self._names[number], arguments)

    def _at_entry(self, thread: int, name: str, arguments: list[int]) -> None:
        changes = self._names is _CHANGING
        if name in FLAGS and bool(arguments[FLAGS[name]] & OPENED_TO_CHANGE) != changes:
            return
        below = tuple(self._below(thread, name, arguments))
        if not below:
            return
        self.calls.append(Call(name, below))
        fault = self._fault
        if fault is None or len(self.calls) != fault.at:
            return
        if fault.between is not None:
            fault.between()
        elif fault.error is not None:
            # A call without a number is skipped, and returns what stands in its register.
            _ptrace(_POKEUSER, thread, _ORIG_RAX, -1)
            _ptrace(_POKEUSER, thread, _RAX, -fault.error)
        elif fault.is_half and name == "write" and arguments[2] > 1:
            _ptrace(_POKEUSER, thread, _RDX, arguments[2] // 2)
            self._is_halved = True
        else:
            os.kill(self._child, signal.SIGKILL)

    def _below(self, thread: int, name: str, arguments: list[int]) -> Iterator[str]:
        """Yield the paths of a call that lie below the folder, as seen from it."""
        for path in self._paths(thread, name, arguments):
            whole = os.path.normpath(path)
            if whole == self._folder or whole.startswith(self._folder.rstrip("/") + "/"):
                yield os.path.relpath(whole, self._folder)

    def _paths(self, thread: int, name: str, arguments: list[int]) -> Iterator[str]:
        if name in FILES or name in READS:
            yield self._open_file(thread, arguments[(FILES | READS)[name][1]])
            return
        for begin, place in PATHS[name][1]:
            path = self._text(thread, arguments[place])
            if path.startswith("/"):
                yield path
            elif begin is HERE or ctypes.c_int(arguments[begin]).value == -100:
                yield os.path.join(os.readlink(f"/proc/{thread}/cwd"), path)
            else:
                yield os.path.join(self._open_file(thread, arguments[begin]), path)

    def _open_file(self, thread: int, descriptor: int) -> str:
        try:
            return os.readlink(f"/proc/{thread}/fd/{ctypes.c_int(descriptor).value}")
        except OSError:
            return ""

    def _text(self, thread: int, address: int) -> str:
        with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            content = b""
            while b"\0" not in content and len(content) < 4096:
                # To the end of its page at most: the next one may not be there.
                content += memory.read(4096 - (address + len(content)) % 4096)
        return os.fsdecode(content.partition(b"\0")[0])
