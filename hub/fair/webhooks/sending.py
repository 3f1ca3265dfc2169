"""Sending: whichever hub takes a delivery first sends it; a hub that dies leaves it to others.

A delivery is taken by one conditional UPDATE for TAKEN_MS, longer than the longest attempt. It
may be taken only while no earlier one of its room and endpoint is due, so that a room's
messages arrive in order and a message that fails holds back its room's later ones alone.
"""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
import sqlalchemy as sa
import structlog
from aiohttp.abc import AbstractResolver
from cryptography.exceptions import InvalidTag

from hub.fair.engine import transaction
from hub.fair.tables import webhook_deliveries, webhook_endpoints, webhook_messages
from hub.fair.webhooks import signing
from hub.fair.webhooks.guard import Forbidden, GuardedResolver, check_url
from hub.fair.webhooks.outbox import Outbox
from hub.ports import DirectoryLost
from hub.ports.events import BadEndpoint

log = structlog.get_logger(__name__)

#: Before each attempt, in seconds after the one before (Standard Webhooks, "Deliverability").
SCHEDULE_S: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER: Final = 0.1
TIMEOUT_S: Final = 15.0
TAKEN_MS: Final = 60_000
AT_ONCE: Final = 8  # requests to one endpoint from one hub
AFTER_MAX_S: Final = 86_400.0
FAILING_MS: Final = 5 * 24 * 3600 * 1000  # nothing was taken for so long: switched off
ANSWER_BYTES: Final = 2_000
ANSWER_MAX: Final = 500

_Row = Any  # what ``_take`` selects


class Sender(Outbox):
    """The sending half of ``hub.ports.events.Webhooks``."""

    def __init__(self, *made: Any) -> None:
        super().__init__(*made)
        self.resolver: AbstractResolver | None = None  # another one, before the first request
        self._http: aiohttp.ClientSession | None = None
        self._drains: dict[str, asyncio.Task[int]] = {}

    async def pump(self) -> None:
        """Have each endpoint that has something due sent to, one not waiting for another."""
        query = (
            sa.select(webhook_deliveries.c.endpoint)
            .join(webhook_endpoints, webhook_endpoints.c.id == webhook_deliveries.c.endpoint)
            .where(
                webhook_deliveries.c.state == "due",
                webhook_deliveries.c.due_ms <= self._now_ms(),
                webhook_endpoints.c.active,
            )
            .distinct()
        )
        async with transaction(self._engine) as connection:
            endpoints = (await connection.execute(query)).scalars().all()
        for endpoint in endpoints:
            running = self._drains.get(endpoint)
            if running is None or running.done():
                self._drains[endpoint] = asyncio.create_task(self._drain(endpoint))

    async def deliver(self) -> int:
        await self.pump()
        sent = await asyncio.gather(*self._drains.values())
        self._drains.clear()
        return sum(sent)

    async def stop(self) -> None:
        tasks = list(self._drains.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._drains.clear()
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _drain(self, endpoint: str) -> int:
        """Until nothing more is due; how many were tried."""
        tried = 0
        try:
            while rows := await self._take(endpoint):
                await asyncio.gather(*(self._send(row) for row in rows))
                tried += len(rows)
        except DirectoryLost as lost:
            log.warning("webhooks put off", endpoint=endpoint, lost=str(lost))
        except Exception:  # one bad endpoint must not end the job
            log.exception("webhooks failed", endpoint=endpoint)
        return tried

    async def _take(self, endpoint: str) -> list[_Row]:
        """Deliveries of the endpoint that are this hub's to send now."""
        now = self._now_ms()
        mine = webhook_deliveries.alias("mine")
        earlier = webhook_deliveries.alias("earlier")
        free = mine.c.taken_until_ms.is_(None) | (mine.c.taken_until_ms <= now)
        held_back = sa.exists().where(
            earlier.c.endpoint == mine.c.endpoint, earlier.c.room == mine.c.room,
            earlier.c.state == "due", earlier.c.message < mine.c.message,
        )  # fmt: skip
        active = sa.exists().where(webhook_endpoints.c.id == endpoint, webhook_endpoints.c.active)
        candidates = (
            sa.select(mine.c.id)
            .where(
                mine.c.endpoint == endpoint, mine.c.state == "due", mine.c.due_ms <= now,
                free, mine.c.room.is_(None) | ~held_back, active,
            )
            .order_by(mine.c.due_ms, mine.c.id)
            .limit(AT_ONCE)
        )  # fmt: skip
        row, target = webhook_deliveries.c, webhook_endpoints.c
        take = (
            sa.update(webhook_deliveries)
            .where(
                row.id.in_(candidates), row.state == "due",
                row.taken_until_ms.is_(None) | (row.taken_until_ms <= now),
            )
            .values(taken_until_ms=now + TAKEN_MS)
            .returning(row.id)
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            ids = (await connection.execute(take)).scalars().all()
            if not ids:
                return []
            found = await connection.execute(
                sa.select(
                    row.id.label("delivery"), row.endpoint, row.attempts,
                    webhook_messages.c.id.label("message"), webhook_messages.c.body, target.url,
                    target.secret_cipher, target.previous_cipher, target.previous_until_ms,
                    target.failing_since_ms,
                )
                .join(webhook_messages, webhook_messages.c.seq == row.message)
                .join(webhook_endpoints, webhook_endpoints.c.id == row.endpoint)
                .where(row.id.in_(ids))
                .order_by(row.message)
            )  # fmt: skip
            return list(found.all())

    # --- one attempt ---

    async def _send(self, row: _Row) -> None:
        began = time.monotonic()
        status, answer, after_s = None, "", 0.0
        try:
            status, answer, after_s = await self._post(row)
        except Forbidden:
            answer = "private_address"
        except BadEndpoint as bad:
            answer = bad.code
        except InvalidTag:
            answer = "secret_unreadable"  # the hub's keys were replaced
        except TimeoutError:
            answer = "timeout"
        except aiohttp.ClientConnectorDNSError as fault:
            answer = "private_address" if isinstance(fault.os_error, Forbidden) else "unknown_host"
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            answer = type(fault).__name__
        took_ms = int((time.monotonic() - began) * 1000)
        await self._settle(row, status, answer, took_ms, after_s)

    async def _post(self, row: _Row) -> tuple[int, str, float]:
        """(status, start of the answer, seconds it asks to wait)."""
        # Once more: the configuration may have changed since the endpoint was made.
        url = check_url(row.url, self._config.webhooks.allow_private)
        body = row.body.encode()
        now_ms = self._now_ms()
        ciphers = [row.secret_cipher]
        if row.previous_cipher is not None and (row.previous_until_ms or 0) > now_ms:
            ciphers.append(row.previous_cipher)
        keys = [signing.unsealed(self._keys.vault, row.endpoint, cipher) for cipher in ciphers]
        headers = {
            "Content-Type": "application/json", "User-Agent": "Pavilion-Webhooks/1",
            **signing.headers(keys, row.message, now_ms // 1000, body),
        }  # fmt: skip
        async with self._session().post(
            url, data=body, headers=headers, allow_redirects=False
        ) as response:
            excerpt = await response.content.read(ANSWER_BYTES)
            after = response.headers.get("Retry-After", "")
            return response.status, _readable(excerpt), _after_s(after, now_ms)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            inner = self.resolver or aiohttp.ThreadedResolver()
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    # Asked and judged for each connection; the connection goes where it said.
                    resolver=GuardedResolver(inner, self._config.webhooks.allow_private),
                    use_dns_cache=False,
                    limit=4 * AT_ONCE,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                auto_decompress=False,  # an excerpt is not worth a bomb
            )
        return self._http

    async def _settle(
        self, row: _Row, status: int | None, answer: str, took_ms: int, after_s: float
    ) -> None:
        """Write down how it went, and when it is due again. Only while the row is still due:
        the endpoint may be gone."""
        now, attempts = self._now_ms(), row.attempts + 1
        good = status is not None and 200 <= status < 300
        values: dict[str, Any] = {
            "attempts": attempts, "status": status, "answer": answer[:ANSWER_MAX],
            "took_ms": took_ms, "taken_until_ms": None,
        }  # fmt: skip
        if good:
            values |= {"state": "sent", "done_ms": now}
        elif attempts >= len(SCHEDULE_S):
            values |= {"state": "failed", "done_ms": now}
        else:
            wait_s = max(SCHEDULE_S[attempts] * random.uniform(1, 1 + JITTER), after_s)
            values["due_ms"] = now + int(wait_s * 1000)
        endpoint = webhook_endpoints.c
        change: dict[str, Any] = {}
        if good:
            change = {"failing_since_ms": None} if row.failing_since_ms is not None else {}
        elif status == 410:
            values |= {"state": "failed", "done_ms": now}
            change = {"active": False, "why_inactive": "gone"}
        elif row.failing_since_ms is None:
            change = {"failing_since_ms": now}
        elif now - row.failing_since_ms > FAILING_MS:
            change = {"active": False, "why_inactive": "failing"}
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.update(webhook_deliveries)
                .where(webhook_deliveries.c.id == row.delivery)
                .values(values)
            )
            if change:
                await connection.execute(
                    sa.update(webhook_endpoints).where(endpoint.id == row.endpoint).values(change)
                )
        if "active" in change:
            log.error("webhook endpoint switched off", endpoint=row.endpoint,
                      why=change["why_inactive"])  # fmt: skip
            self._forget()


def _readable(excerpt: bytes) -> str:
    text = excerpt.decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in text)[
        :ANSWER_MAX
    ]


def _after_s(header: str, now_ms: int) -> float:
    """Retry-After (RFC 9110 section 10.2.3): seconds or a date; 0 for anything else."""
    if header.isascii() and header.isdigit() and len(header) < 10:
        return min(float(header), AFTER_MAX_S)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wait = (moment - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds()
    return max(0.0, min(wait, AFTER_MAX_S))
