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
# After Ctrl-C, how long answers may still take that are being sent.
SHUTDOWN_SECONDS = 1
TOKEN_VARIABLE = "CLEARHEAD_TOKEN"
ENDING = "Ctrl-C ends it."
OPEN_TO_ALL = "Without a token everyone on this computer can open it."


def open_port(number: int | None) -> socket.socket:
    """Open a socket that listens on the loopback.

    Args:
        number: a port; 0 for any that is free; None for `PORT`, or the first free one after it.

    Raises:
        ConfigError: the port cannot be had.
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
        if os.name == "posix":  # elsewhere it would let two servers share a port
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
        query: what stands behind the ?, which is its first character.
        text, state: what the page begins with: a text, or all that stands behind its #.
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
    """Serve whatever answers the explorer's questions until the process is interrupted.

    Args:
        load: gives what answers, a model's explorer or a recording's; it is called once.
        name: what it is called in the line for the reader.
        text, state: what the page begins with: a text, or all that stands behind its #.
        port: see `open_port`.
        open_page: whether a browser is opened.
        token: that whoever opens the page must know; None for that of the environment's
            CLEARHEAD_TOKEN, or a random one; empty for none.
        say: takes each line for the reader.

    Raises:
        MissingExtraError: the server's packages are not installed.
        CheckpointError: the model cannot be read.
        ConfigError: the port cannot be had, or the package lacks the built page.
    """
    with ThreadPoolExecutor(1) as loading:
        # Reading the model mostly waits for files, importing mostly computes: side by side.
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
    """Tell the reader where the page is, and open it in a browser if that is possible."""
    say(f"Exploring {name} at {address(query=access.query)}")
    say(ENDING if access.token else f"{OPEN_TO_ALL} {ENDING}")
    if open_page and has_browser(os.environ, sys.platform):
        _open(address(query=access.query_once()))


def has_browser(environment: Mapping[str, str], platform: str) -> bool:
    """Tell whether there is a screen to open a browser on.

    Without one, Python's webbrowser would start a text browser, which takes the terminal and knows
    no JavaScript.
    """
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
    return not platform.startswith("linux") or any(environment.get(name) for name in screens)


def _open(address: str) -> None:
    """Open a browser in a thread, because it asks the server before this returns."""
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def configure(app: Any, limits: ServerLimits) -> uvicorn.Config:
    """Return how uvicorn serves the application within these limits."""
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
    """End a server without a traceback, and without waiting for threads that still compute."""
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        idle = workers.close()
    if not idle:
        # Python would wait for these threads, which cannot be stopped and whose results nobody
        # needs. Nothing is open that would have to be closed.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
