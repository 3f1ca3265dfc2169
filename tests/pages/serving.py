"""A whole fair for a browser: `pavilion serve` as a process, rooms made through its API."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_asyncio import is_async_test

READY_S = 90.0  # a loaded machine has taken 39
CHROMIUM = "/usr/bin/chromium"
#: Fake devices: a picture that moves and a tone, and no question asked.
BROWSER_ARGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream=fps=10",  # coded in software, here and wherever it is seen
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


#: Where the journeys' line to the fair begins; its pages must know the address as theirs.
CABLE_PORT = free_port()


def in_one_loop(items: list[pytest.Item], package: str) -> None:
    """Run the tests of ``package`` in the session's loop, as its one browser is of that loop."""
    for item in items:
        if item.path.parent.name == package.rpartition(".")[2] and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Fair:
    """A running server. ``origins`` are further addresses its pages may be reached by,
    ``more`` further settings."""

    def __init__(
        self,
        data: Path,
        *,
        origins: tuple[str, ...] = (),
        workers: int = 2,
        command: str = "serve",
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.key = secrets.token_urlsafe(24)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / "server.log"
        settings = {
            "SERVER__PORT": self.port,
            "SERVER__WORKERS": workers,
            "SERVER__DATA_DIR": data,
            "SERVER__ALLOWED_ORIGINS": json.dumps([self.url, *origins]),
            "MEDIA__PORT": free_port(socket.SOCK_DGRAM),
            "MEDIA__WORKERS": 1,
            "FAIR__NAME": "Services Fair",
            "FAIR__TIME_ZONE": "Asia/Shanghai", **(more or {}),
        }  # fmt: skip
        environment = {f"PAVILION__{name}": str(value) for name, value in settings.items()}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub", command],
                env={**os.environ, **environment, "PAVILION_API_KEY": self.key},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def await_ready(self) -> None:
        """Until /health/ready is 200. Raises AssertionError with the server's log."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health/ready", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        raise AssertionError(f"the server did not get ready:\n{self.log.read_text()[-3000:]}")

    def await_output(self, text: str) -> str:
        """The server's output once it holds ``text``. Raises AssertionError."""
        deadline = time.monotonic() + READY_S
        while text not in (output := self.log.read_text()):
            assert time.monotonic() < deadline, f"{text!r} did not appear:\n{output[-3000:]}"
            time.sleep(0.1)
        return output

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, str]:
        """(status, JSON, ETag) of an API call with the organiser key."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.key}", "Content-Type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or b"null"), answer.headers["ETag"]
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or b"null"), ""

    def room(self, title: str = "Talk", **fields: Any) -> str:
        """A new room that welcomes guests; its slug."""
        slug = f"t-{secrets.token_hex(5)}"
        body = {
            "slug": slug, "title": title, "kind": "conference", "capacity": 10, "guests": True,
            **fields,
        }  # fmt: skip
        status, answer, _ = self.call("POST", "/rooms", body)
        assert status == 201, answer
        return slug

    def token(self, room: str, role: str = "participant", name: str = "Ada") -> str:
        person = {"id": f"p-{secrets.token_hex(4)}", "name": name}
        status, answer, _ = self.call(
            "POST", f"/rooms/{room}/tokens", {"participant": person, "role": role, "ttl_s": 3600}
        )
        assert status == 201, answer
        return str(answer["token"])

    def patch(self, room: str, **change: Any) -> None:
        _, _, etag = self.call("GET", f"/rooms/{room}")
        status, answer, _ = self.call("PATCH", f"/rooms/{room}", change, If_Match=etag)
        assert status == 200, answer

    def worker(self, kind: str) -> int:
        """The process of the first hub or media worker; 0 while there is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        for pid in children.split():
            with contextlib.suppress(OSError):  # it ended meanwhile
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"worker" in words and kind.encode() in words:
                    return int(pid)
        return 0

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
