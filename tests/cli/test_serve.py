"""`restauro serve`: what it prints, who gets in, how it ends, what it refuses."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from restauro.cli import main, serve

pytest.importorskip("fastapi", reason="the page needs the extra web")


def test_it_prints_the_address_with_its_token_and_ends_by_ctrl_c(tmp_path: Path, panel: Path) -> None:
    command = [sys.executable, "-m", "restauro", "serve", str(panel), "--no-browser"]
    environment = {"RESTAURO_CACHE": str(tmp_path), "PATH": ""}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment, **pipes) as process:  # type: ignore[call-overload]
        try:
            address, _, token = process.stdout.readline().strip().partition("/?token=")
            assert address.startswith("http://127.0.0.1:")
            assert len(token) >= 32
            asked = urllib.request.Request(f"{address}/api/start", headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(asked) as answer:
                assert panel.name.encode() in answer.read()
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"{address}/api/start")
        finally:
            process.send_signal(signal.SIGINT)
            rest, said = process.communicate(timeout=30)
    assert rest == ""
    assert "Traceback" not in said


def test_what_is_no_picture_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path / "missing.tif")]) == 2
    assert "There is no picture" in capsys.readouterr().err
    (tmp_path / "notes.tif").write_text("no picture", encoding="ascii")
    assert main(["serve", str(tmp_path / "notes.tif")]) == 2
    assert "notes.tif" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", "--port", str(taken.getsockname()[1]), "--no-browser"]) == 2
    assert "is taken: choose another" in capsys.readouterr().err


def test_short_answers_are_sent_at_once() -> None:
    """With Nagle's algorithm on, an answer's last piece waits up to 40 ms for word that the first has come."""

    async def at_once() -> bool:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sockets = writer.get_extra_info("socket")
            found.set_result(sockets.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = serve._listen(0)
        async with await asyncio.start_server(connected, sock=listening):
            with socket.create_connection(listening.getsockname()):
                return bool(await asyncio.wait_for(found, 30))

    assert asyncio.run(at_once())


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve"]) == 2
    assert "pip install 'restauro[web]'" in capsys.readouterr().err
