"""`clearhead explore` at work: a port of the loopback, the model, and a server until Ctrl-C."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import ConfigError, require

if TYPE_CHECKING:
    from .limits import Workers
    from .offline_answers import Answering

ADDRESS, PORT, TRIED = "127.0.0.1", 8017, 20
# After Ctrl-C, how long answers that are on their way may still take.
FAREWELL = 1


def open_port(asked: int | None) -> socket.socket:
    """A socket that listens on the loopback.

    Args:
        asked: a port; 0 for any that is free; None for `PORT`, or the first free one after it.

    Raises:
        ConfigError: the port cannot be had.
    """
    candidates = range(PORT, PORT + TRIED) if asked is None else [asked]
    for port in candidates:
        try:
            return _listening(port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port != candidates[-1]:
                continue
            why = "is taken" if error.errno == errno.EADDRINUSE else f"failed: {error.strerror}"
            which = f"Port {port}" if asked is not None else f"Each of the ports {PORT} to {port}"
            raise ConfigError(
                f"{which} {why}. Ask for another with --port, or for any that is free with "
                f"--port 0."
            ) from error
    raise AssertionError("range() of TRIED ports is not empty")


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def address_of(port: int, text: str | None = None) -> str:
    """The page's address; a text to begin with stands in its fragment, as the page's state does."""
    return f"http://{ADDRESS}:{port}/" + (f"#text={quote(text, safe='')}" if text else "")


def serve(
    load: Callable[[], Answering],
    named: str,
    *,
    text: str | None = None,
    state: str = "",
    port: int | None = None,
    open_page: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve whatever answers the explorer's questions until the process is interrupted.

    Args:
        load: gives what answers, a model's explorer or a recording's; it is called once.
        named: what it is called in the line for the reader.
        text, state: what the page begins with: a text, or all that stands behind its #.
        port: see `open_port`.
        open_page: whether a browser is opened.
        say: takes each line for the reader.

    Raises:
        MissingExtraError: the server's packages are not installed.
        CheckpointError: the model cannot be read.
        ConfigError: the port cannot be had, or the package lacks the built page.
    """
    with ThreadPoolExecutor(1) as loading:
        # Reading the model mostly waits for files, importing mostly computes: side by side.
        explorer = loading.submit(load)
        for name in ("fastapi", "uvicorn"):
            require(name, extra="explore", purpose="The explorer's page")
        from .app import create_app
        from .limits import ServerLimits, Workers

    with open_port(port) as listener:
        number = listener.getsockname()[1]
        workers = Workers(ServerLimits())
        app = create_app(explorer.result(), port=number, workers=workers)
        if port is None and number != PORT:
            say(f"Port {PORT} is taken; this is on port {number}.")
        address = address_of(number, text)
        if state:
            address = f"{address_of(number)}#{state.removeprefix('#')}"
        say(f"Exploring {named} at {address}")
        say("Ctrl-C ends it.")
        if open_page and has_browser(os.environ, sys.platform):
            threading.Thread(target=_open, args=(address,), daemon=True).start()
        _serve(app, listener, workers)


def has_browser(environment: Mapping[str, str], platform: str) -> bool:
    """Whether there is a screen to open a browser on. Without one, Python's webbrowser would start
    a text browser, which takes the terminal and knows no JavaScript."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
    return not platform.startswith("linux") or any(environment.get(name) for name in screens)


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)


def _serve(app: Any, listener: socket.socket, workers: Workers) -> None:
    import uvicorn

    limits = workers.limits
    config = uvicorn.Config(
        app,
        http="h11",  # whose limit on headers is known, whatever else is installed
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=limits.connections,
        h11_max_incomplete_event_size=limits.header_bytes,
        timeout_graceful_shutdown=FAREWELL,
    )
    with _interrupted_quietly(workers):
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _interrupted_quietly(workers: Workers) -> Iterator[None]:
    """End a server without a traceback, and without waiting for threads that still compute."""
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        idle = workers.close()
    if not idle:
        # Python would wait for these threads, which cannot be stopped and whose results nobody
        # wants. Nothing is open that would have to be closed.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
