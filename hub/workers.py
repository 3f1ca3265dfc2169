"""What runs in a worker process: one hub on an inherited socket, or one media worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets as random_source
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
import uvloop
from aiohttp import web

from hub import secrets
from hub.config import Config
from hub.heap import Heap
from hub.services import SERVICES
from hub.sockets import BACKLOG

#: How often a worker says that its event loop turns (``children.SILENT_S`` is the other half).
BEAT_S: Final = 3.0

#: A connection that has asked nothing, or not yet all of its first request, is closed after
#: this. aiohttp's own is an hour; longer than a proxy in front keeps one for reuse (60 s).
IDLE_S: Final = 75.0

log = structlog.get_logger(__name__)


def read_snapshot(path: Path) -> Config:
    """The configuration as the supervisor wrote it (``supervisor.write_snapshot``)."""
    return Config(**json.loads(path.read_text("utf-8")))


def reporter(descriptor: int) -> Callable[[], None]:
    """Says to the supervisor that this worker is ready, and from then on that it lives.

    To be called in the event loop: a loop that stands still says nothing."""
    os.set_blocking(descriptor, False)

    def say(word: bytes) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # it does not listen just now
            os.write(descriptor, word)
        asyncio.get_running_loop().call_later(BEAT_S, say, b".")

    return lambda: say(b"ready\n")


def tls_context(config: Config) -> ssl.SSLContext | None:
    """The server's TLS, when server.tls_cert is set. Raises OSError, ssl.SSLError."""
    if config.server.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.server.tls_cert, config.server.tls_key)
    return context


def run_hub(config: Config, index: int, descriptor: int, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM, then drain: no new entries, goodbye to those inside, end."""
    uvloop.run(_hub(config, index, descriptor, ready))


def make_runner(app: web.Application, config: Config) -> web.AppRunner:
    return web.AppRunner(
        app, access_log=None, handle_signals=False, keepalive_timeout=IDLE_S,
        shutdown_timeout=config.limits.drain_s,
    )  # fmt: skip


async def _hub(config: Config, index: int, descriptor: int, ready: Callable[[], None]) -> None:
    from hub.app import make_app
    from hub.live import LIVE, drain

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    # A new name each start: seats attached by the one before it are not ours to renew.
    app = await make_app(config, f"h{index}-{random_source.token_hex(4)}")
    runner = make_runner(app, config)
    await runner.setup()
    site = web.SockSite(
        runner, socket.socket(fileno=descriptor), backlog=BACKLOG, ssl_context=tls_context(config)
    )
    await site.start()
    live = app[LIVE]
    heap = Heap(lambda: len(live.connections), lambda: live.ended)
    heap.begin()
    looks = asyncio.create_task(heap.keep(), name="heap")
    ready()
    await stop.wait()
    app[SERVICES].draining = True
    await drain(live)  # while answers are still heard; aiohttp's own end is deaf
    await runner.cleanup()
    looks.cancel()


def run_media(config: Config, index: int, ready: Callable[[], None]) -> None:
    """One media worker until SIGTERM."""
    from hub.media.worker import main

    main(config, index, secrets.open_secrets(config).control_key, ready)
