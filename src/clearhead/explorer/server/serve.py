"""Serves the explorer: opens a port, loads the model, and runs a server until Ctrl-C."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...errors import ConfigError, require

if TYPE_CHECKING:
    import uvicorn

    from ..contract.answers import Answering
    from .access import Access
    from .limits import ServerLimits, Workers

ADDRESS, PORT, ATTEMPTS = "127.0.0.1", 8017, 20
# The time after Ctrl-C for finishing answers that are being sent.
SHUTDOWN_SECONDS = 1
TOKEN_VARIABLE = "CLEARHEAD_TOKEN"
ENDING = "Ctrl-C ends it."
OPEN_TO_ALL = "Without a token everyone on this computer can open it."


def open_port(number: int | None) -> socket.socket:
    """Open a socket that listens on the loopback.

    Args:
        number: a port; 0 for any that is free; None for `PORT`, or the first free one after it.

    Raises:
        ConfigError: the port is not available.
    """
    candidates = range(PORT, PORT + ATTEMPTS) if number is None else [number]
    for port in candidates:
        try:
            return _listening(port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port != candidates[-1]:
                continue
            why = "is taken" if error.errno == errno.EADDRINUSE else f"failed: {error.strerror}"
            which = f"Port {port}" if number is not None else f"Each of the ports {PORT} to {port}"
            raise ConfigError(
                f"{which} {why}. Ask for another with --port, or for any that is free with "
                f"--port 0."
            ) from error
    raise AssertionError("range() of ATTEMPTS ports is not empty")


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere this option would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def address_of(port: int, *, query: str = "", text: str | None = None, state: str = "") -> str:
    """Return the page's address.

    Args:
        port: of the server.
        query: the query, including the leading ?.
        text, state: the page's initial text, or its whole initial state, the part after the #.
    """
    if text:
        state = f"text={quote(text, safe='')}"
    fragment = f"#{state.removeprefix('#')}" if state else ""
    return f"http://{ADDRESS}:{port}/{query}{fragment}"


def serve(
    load: Callable[[], Answering],
    name: str,
    *,
    text: str | None = None,
    state: str = "",
    port: int | None = None,
    open_page: bool = True,
    token: str | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve an explorer until the process is interrupted.

    Args:
        load: returns the explorer of a model or of a recording; it is called once.
        name: its name in the printed line.
        text, state: the page's initial text, or its whole initial state, the part after the #.
        port: see `open_port`.
        open_page: whether to open a browser.
        token: the access token of the page; None for the environment's CLEARHEAD_TOKEN, or a random
            one; empty for none.
        say: called with each line for the reader.

    Raises:
        MissingExtraError: the server's packages are not installed.
        CheckpointError: the model cannot be read.
        ConfigError: the port is not available, or the package lacks the built page.
    """
    with ThreadPoolExecutor(1) as loading:
        # Reading the model mostly waits for files, importing mostly computes, so they overlap well.
        explorer = loading.submit(load)
        for package in ("pydantic", "starlette", "uvicorn"):
            require(package, extra="explore", purpose="The explorer's page")
        from .access import Access
        from .app import create_app
        from .limits import ServerLimits, Workers

    with open_port(port) as listener:
        number = listener.getsockname()[1]
        workers = Workers(ServerLimits())
        if token is None:
            token = os.environ.get(TOKEN_VARIABLE) or None
        access = Access(token, port=number)
        app = create_app(explorer.result(), port=number, workers=workers, access=access)
        if port is None and number != PORT:
            say(f"Port {PORT} is taken; this is on port {number}.")
        _announce(name, partial(address_of, number, text=text, state=state), access, open_page, say)
        _serve(app, listener, workers)


def _announce(
    name: str,
    address: Callable[..., str],
    access: Access,
    open_page: bool,
    say: Callable[[str], None],
) -> None:
    """Print the page's address, and open it in a browser if possible."""
    say(f"Exploring {name} at {address(query=access.query)}")
    say(ENDING if access.token else f"{OPEN_TO_ALL} {ENDING}")
    if open_page and has_browser(os.environ, sys.platform):
        _open(address(query=access.query_once()))


def has_browser(environment: Mapping[str, str], platform: str) -> bool:
    """Return whether there is a screen for a browser.

    Without one, Python's webbrowser would start a text browser, which takes over the terminal and
    does not run JavaScript.
    """
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
    return not platform.startswith("linux") or any(environment.get(name) for name in screens)


def _open(address: str) -> None:
    """Open a browser in a thread, because it contacts the server before the call returns."""
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def configure(app: Any, limits: ServerLimits) -> uvicorn.Config:
    """Return uvicorn's configuration for the application with these limits."""
    import uvicorn

    from .connections import protocol_of

    return uvicorn.Config(
        app,
        http=protocol_of(limits),
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=limits.idle_seconds,
        h11_max_incomplete_event_size=limits.header_bytes,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _serve(app: Any, listener: socket.socket, workers: Workers) -> None:
    import uvicorn

    config = configure(app, workers.limits)
    with _interrupted_quietly(workers):
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _interrupted_quietly(workers: Workers) -> Iterator[None]:
    """Stop a server without a traceback, and without waiting for threads that still compute."""
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        idle = workers.close()
    if not idle:
        # Python would wait for these threads, which cannot be stopped and whose results are not
        # needed. No open files need to be closed.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
