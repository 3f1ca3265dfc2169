"""One machine's processes: the lock, the port, the embedded store, the workers.

Order of a start: lock data_dir, take the ports, read the secrets, start the embedded
store, migrate the database, start media workers, then hub workers, each ready before
the address is printed. A stop goes the other way. SIGTERM or SIGINT drains; a second
one hurries. Children die with this process (hub.lifeline).
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import SecretStr

from hub import secrets
from hub.children import BACKOFF_FIRST_S, BACKOFF_MAX_S, Child, ChildFailed, ended
from hub.config import Config
from hub.embedded import EmbeddedStore, NoServerBinary, StartFailed
from hub.sockets import Port, PortTaken, probe_udp

log = structlog.get_logger(__name__)

READY_S: Final = 30.0  # a worker that is not ready by then has failed
SOCKET_PATH_MAX: Final = 107  # bytes of sun_path, unix(7)
STOP_MARGIN_S: Final = 5.0  # beyond limits.drain_s, before a worker is killed


class CannotStart(RuntimeError):
    """What keeps this installation from starting, in a sentence for its operator."""


@dataclass(frozen=True, slots=True)
class Running:
    """What is up: ``config`` carries the real port and the store's address. What is put on
    ``stack`` is ended first when the supervisor stops."""

    config: Config
    secrets: secrets.Secrets
    stack: AsyncExitStack


@dataclass(frozen=True, slots=True)
class Plan:
    """Which roles to run here. ``after_start`` is awaited once all are ready."""

    hubs: bool = True
    media: bool = True
    after_start: Callable[[Running], Awaitable[None]] | None = None


def lock_directory(directory: Path, roles: Sequence[str]) -> list[int]:
    """Hold ``directory`` for this process; one lock a role, released when the process ends.

    Raises CannotStart when another process holds one.
    """
    longest = directory.absolute() / "run" / "media-00.sock"
    if len(os.fsencode(longest)) > SOCKET_PATH_MAX:
        raise CannotStart(f"{directory.absolute()} is too long a path for Unix sockets; shorten it")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = []
    for role in roles:
        path = directory / f"{role}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise CannotStart(
                f"{directory.absolute()} is in use by another Pavilion (process {owner}); "
                "stop it, or set server.data_dir to another directory"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        held.append(descriptor)
    return held


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value)


def write_snapshot(config: Config, roles: Sequence[str]) -> Path:
    """The configuration as the workers read it: a restarted one sees what the first one saw,
    whatever has been done to config.toml meanwhile. Mode 0600."""
    run = config.server.data_dir / "run"
    run.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = run / f"config-{'-'.join(roles)}.json"
    secrets.write_private(path, json.dumps(config.model_dump(mode="python"), default=_plain))
    return path


def _child_environ() -> dict[str, str]:
    """Ours without the configuration's variables: the snapshot has them already."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PAVILION__")}


class Supervisor:
    """Runs a plan until told to stop; ``run`` returns the exit status."""

    def __init__(self, config: Config, plan: Plan) -> None:
        self.config = config
        self.plan = plan
        self._children: list[Child] = []
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Raises CannotStart, ChildFailed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        async with AsyncExitStack() as stack:
            stop = asyncio.create_task(self._stop.wait())
            start = asyncio.create_task(self._start(stack))
            await asyncio.wait({start, stop}, return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                await start
            else:
                start.cancel()
                await asyncio.gather(start, return_exceptions=True)
            await stop
            log.info("draining", drain_s=self.config.limits.drain_s)
        log.info("stopped")
        return 0

    def _signalled(self) -> None:
        if self._stop.is_set():
            for child in self._children:
                child.hurry()
        self._stop.set()

    async def _start(self, stack: AsyncExitStack) -> None:
        config = self.config
        for descriptor in lock_directory(config.server.data_dir, self._roles()):
            stack.callback(os.close, descriptor)
        port = self._take_ports(stack)
        kept = secrets.open_secrets(config)
        if self.plan.hubs:
            config = await self._start_store(config, stack)
            await self._migrate(config)
        if port is not None:
            config = _with(config, "server", port=port.number)
        self.config = config
        snapshot = write_snapshot(config, self._roles())
        stack.push_async_callback(self._stop_children)
        if self.plan.media:
            await self._start_children("media", config.media.workers, snapshot, None)
        if port is not None:
            await self._start_children("hub", config.server.workers, snapshot, port)
        if self.plan.after_start is not None:
            await self.plan.after_start(Running(config, kept, stack))

    def _roles(self) -> list[str]:
        return [r for r, wanted in (("hub", self.plan.hubs), ("media", self.plan.media)) if wanted]

    def _take_ports(self, stack: AsyncExitStack) -> Port | None:
        config = self.config
        try:
            if self.plan.media and config.media.port:
                for index in range(config.media.workers):
                    probe_udp(config.media.host, config.media.port + index)
            if not self.plan.hubs:
                return None
            port = Port(config.server.host, config.server.port)
        except PortTaken as fault:
            raise CannotStart(f"{fault}; set server.port or media.port to another one") from None
        stack.callback(port.close)
        return port

    async def _start_store(self, config: Config, stack: AsyncExitStack) -> Config:
        """The embedded store, unless redis.url names another one; then nothing is started."""
        if config.redis.url:
            return config
        store = EmbeddedStore(config.server.data_dir.absolute() / "store")
        try:
            # Here and on a restart, blocking on purpose: the kernel ties the child to the
            # thread that started it, so that has to be the main one.
            store.start()
        except (NoServerBinary, StartFailed, OSError) as fault:
            raise CannotStart(f"the embedded store did not start: {fault}") from None
        keeper = asyncio.create_task(self._keep_store(store), name="keep store")
        stack.callback(store.stop)
        stack.callback(keeper.cancel)
        return _with(config, "redis", url=store.url)

    async def _keep_store(self, store: EmbeddedStore) -> None:
        failures = 0
        while store.process is not None:
            status = await ended(store.process)
            pause = min(BACKOFF_FIRST_S * 2**failures, BACKOFF_MAX_S)
            log.error("embedded store died", status=status, restart_in_s=pause)
            await asyncio.sleep(pause)
            try:
                store.start()
                failures = 0
                log.info("embedded store is back")
            except (StartFailed, OSError) as fault:
                failures += 1
                log.error("embedded store did not start", reason=str(fault))

    async def _migrate(self, config: Config) -> None:
        from hub.fair import migrate

        try:
            await asyncio.to_thread(migrate, config.database_url)
        except Exception as fault:
            # Alembic and the drivers raise what they like; to the operator it is one thing.
            raise CannotStart(f"the database could not be migrated: {fault}") from fault

    async def _start_children(
        self, role: str, count: int, snapshot: Path, port: Port | None
    ) -> None:
        """Start ``count`` workers side by side; all are ready afterwards. Raises ChildFailed."""

        def prepare(index: int) -> tuple[list[str], list[int]]:
            arguments = ["--role", role, "--index", str(index), "--config", str(snapshot)]
            if port is None:
                return arguments, []
            descriptor = port.listener().detach()
            return [*arguments, "--listen-fd", str(descriptor)], [descriptor]

        children = [
            Child(f"{role}-{index}", partial(prepare, index), _child_environ())
            for index in range(count)
        ]
        self._children += children
        starts = [asyncio.create_task(child.start(READY_S)) for child in children]
        try:
            await asyncio.gather(*starts)
        finally:
            for start in starts:
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)

    async def _stop_children(self) -> None:
        """Hubs first, all at once: they say goodbye while the media still flows."""
        limit = self.config.limits.drain_s + STOP_MARGIN_S
        for role in ("hub", "media"):
            mine = [child for child in self._children if child.name.startswith(role)]
            await asyncio.gather(*(child.stop(limit) for child in mine))


def _with(config: Config, section: str, **values: Any) -> Config:
    part = getattr(config, section).model_copy(update=values)
    return config.model_copy(update={section: part})


def supervise(config: Config, plan: Plan) -> int:
    """Run ``plan`` until SIGTERM or SIGINT; the exit status."""
    try:
        return asyncio.run(Supervisor(config, plan).run())
    except (CannotStart, ChildFailed, secrets.SecretsUnreadable) as fault:
        print(f"pavilion: {fault}", file=sys.stderr)
        return 2 if getattr(fault, "status", 1) == 2 else 1
