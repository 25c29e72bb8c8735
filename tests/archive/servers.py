"""Servers on loopback for tests: HTTP over a folder, SFTP over a folder."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paramiko

PASSWORD = "for tests"


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def http(folder: Path) -> Iterator[str]:
    """Serve a folder by HTTP; give the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Visitor(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    """The files of a folder, whose root is the server's."""

    root = ""

    def _here(self, path: str) -> str:
        return self.root + self.canonicalize(path)

    def _done(self, step: Any, *arguments: Any) -> Any:
        try:
            step(*arguments)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return paramiko.SFTP_OK

    def list_folder(self, path: str) -> Any:
        try:
            names = os.listdir(self._here(path))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return [
            paramiko.SFTPAttributes.from_stat(os.stat(os.path.join(self._here(path), name)), name) for name in names
        ]

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(os.stat(self._here(path)))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            number = os.open(self._here(path), flags, 0o600)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = handle.writefile = os.fdopen(number, "r+b" if flags & (os.O_WRONLY | os.O_RDWR) else "rb")
        if flags & os.O_WRONLY:  # which r+ can't read
            handle.readfile = None
        return handle

    def remove(self, path: str) -> Any:
        return self._done(os.remove, self._here(path))

    def rename(self, oldpath: str, newpath: str) -> Any:
        if os.path.exists(self._here(newpath)):
            return paramiko.SFTP_FAILURE
        return self._done(os.rename, self._here(oldpath), self._here(newpath))

    def posix_rename(self, oldpath: str, newpath: str) -> Any:
        return self._done(os.replace, self._here(oldpath), self._here(newpath))

    def mkdir(self, path: str, attr: Any) -> Any:
        return self._done(os.mkdir, self._here(path))


@contextmanager
def sftp(folder: Path) -> Iterator[str]:
    """Serve a folder by SFTP; give the address."""
    key = paramiko.RSAKey.generate(2048)
    listener = socket.create_server(("127.0.0.1", 0))
    transports: list[paramiko.Transport] = []
    files = type("Files", (_Files,), {"root": str(folder)})

    def serve() -> None:
        with suppress(OSError):  # it is closed
            while True:
                transport = paramiko.Transport(listener.accept()[0])
                transport.add_server_key(key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
                transport.start_server(server=_Visitor())
                transports.append(transport)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"sftp://restorer@127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        for transport in transports:
            transport.close()
