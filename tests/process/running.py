"""A whole Pavilion as an operator starts it: the real command in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

DEADLINE_S = 60.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Pavilion:
    """``pavilion serve`` (or another command) on ``data``; its lines are collected."""

    def __init__(self, data: Path, *arguments: str, port: int = 0, **settings: str) -> None:
        self.data = data
        self.environ = {
            **os.environ,
            "PAVILION__SERVER__DATA_DIR": str(data),
            "PAVILION__SERVER__PORT": str(port),
            "PAVILION__SERVER__WORKERS": "1",
            "PAVILION__MEDIA__WORKERS": "1",
            "PAVILION__MEDIA__PORT": str(free_port(socket.SOCK_DGRAM)),
            "PAVILION__LIMITS__DRAIN_S": "3",
            **settings,
        }
        self.environ.pop("PAVILION_API_KEY", None)
        self.lines: list[str] = []
        self._told = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hub", *(arguments or ("serve",))],
            env=self.environ, cwd=data.parent, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._told:
                self.lines.append(line.rstrip("\n"))
                self._told.notify_all()
        with self._told:
            self._told.notify_all()

    @property
    def transcript(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, *, since: int = 0) -> re.Match[str]:
        """The first line from number ``since`` on that matches; fails with all lines said."""
        deadline = time.monotonic() + DEADLINE_S
        with self._told:
            while True:
                for line in self.lines[since:]:
                    if found := re.search(pattern, line):
                        return found
                left = deadline - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    pytest.fail(f"no line like {pattern!r} in:\n{self.transcript}")
                self._told.wait(min(left, 0.5))

    def ready(self) -> str:
        """The address, once it is printed."""
        return self.wait_for(r"ready: (\S+)/")[1]

    @property
    def key(self) -> str:
        return (self.data / "secrets/api-key").read_text().strip()

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, JSON) of an API call with the organiser key."""
        request = urllib.request.Request(
            self.ready() + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as fault:
            return fault.code, json.load(fault)

    def child(self, name: str) -> psutil.Process:
        """The running process of a worker ("hub-0"), or of the "store"."""
        for process in psutil.Process(self.process.pid).children():
            line = " ".join(process.cmdline())
            role, _, index = name.partition("-")
            wanted = "valkey" in line or "redis" in line if name == "store" else (
                f"--role {role} --index {index}" in line
            )  # fmt: skip
            if wanted:
                return process
        pytest.fail(f"{name} is not running:\n{self.transcript}")

    def end(self) -> int:
        """SIGTERM, and the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DEADLINE_S)
        self._reader.join(5)
        return status


Start = Callable[..., Pavilion]


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition`` holds; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {DEADLINE_S:g} s")
        time.sleep(0.05)
