"""`restauro serve`: opens the local page."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
import webbrowser
from pathlib import Path

import click

from restauro.cli import paths
from restauro.cli.wording import printable, say

_HELP = """Open the page in the browser: heal a picture by painting over damage, mark, restore, compare, save.

It is served by this machine to this machine, and the picture doesn't leave it. The address is printed on a line of its
own; its token lets nobody else in. Ctrl-C ends it, and so does End on its first page. What was done is kept in a folder
of the user's cache, and is there again next time.

\b
restauro serve
restauro serve panel.tif

Needs: pip install 'restauro[web]'.
"""


@click.command("serve", help=_HELP, short_help="Open the page: heal by painting, mark, restore, compare.")
@click.argument("picture", required=False, type=paths.NAME)
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="0: a free one.  [default: 0]")
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
def command(picture: Path | None, port: int, no_browser: bool) -> None:
    """Serve until Ctrl-C."""
    try:
        import uvicorn

        from restauro.web.app import make_app
    except ImportError:
        raise click.UsageError("The page needs the extra web: pip install 'restauro[web]'") from None
    if picture is not None:
        from restauro.files.reading import read_shape

        if not picture.is_file():
            raise click.UsageError(f"There is no picture {printable(picture)}.")
        read_shape(picture)
    listening = _listen(port)
    port = listening.getsockname()[1]
    token = secrets.token_urlsafe(24)
    app = make_app(
        token=token,
        port=port,
        folder=_cache() / "sessions",
        picture=picture and _absolute(picture),
        end=lambda: setattr(server, "should_exit", True),
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, server_header=False))
    address = f"http://127.0.0.1:{port}/?token={token}"
    say(address)
    sys.stdout.flush()
    if not no_browser:
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
    server.run(sockets=[listening])


def _absolute(picture: Path) -> Path:
    """Return where a picture lies, through no links: its folder's policy is that of the folder that was named."""
    return Path(os.path.abspath(picture))


def _listen(port: int) -> socket.socket:
    # Named as TCP, or asyncio takes it for something else and leaves Nagle's algorithm on: 40 ms on every short answer.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        listening.close()
        raise click.UsageError(f"Port {port} is taken: choose another, or none for a free one.") from None
    listening.listen(128)
    return listening


def _cache() -> Path:
    """Return the folder of the user's cache for restauro."""
    if folder := os.environ.get("RESTAURO_CACHE"):
        return Path(folder)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "restauro"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "restauro"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "restauro"
