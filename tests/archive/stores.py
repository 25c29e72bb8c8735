"""Stores that tests work with: in memory, failing at every tenth call; S3 on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class Flaky(MemoryFileSystem):
    """Files in memory, of a store that fails at every tenth call."""

    protocol = ("flaky",)
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    calls = 0
    failures = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("flaky://", "memory://"))

    def _count(self) -> None:
        Flaky.calls += 1
        if Flaky.calls % 10 == 0:
            Flaky.failures += 1
            raise OSError("the connection was reset")

    def info(self, path: str, **options: Any) -> Any:
        self._count()
        return super().info(path, **options)

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        self._count()
        return super().ls(path, detail=detail, **options)

    def get_file(self, path: str, local: str, **options: Any) -> None:
        self._count()
        super().get_file(path, local, **options)

    def put_file(self, local: str, path: str, **options: Any) -> None:
        self._count()
        with open(local, "rb") as file:
            data = file.read()
        self.pipe_file(path, data[: len(data) // 2])  # half of it is there if the connection is lost now
        self._count()
        self.pipe_file(path, data)


fsspec.register_implementation("flaky", Flaky, clobber=True)


@contextmanager
def s3(monkeypatch: Any) -> Iterator[str]:
    """Serve S3 on loopback, and have s3:// go there; gives the server's address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    yield address
    server.stop()
    fsspec.get_filesystem_class("s3").clear_instance_cache()
