"""The outbox against a real SMTP server: once each, put off, given up, no header of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope

from hub.config import Config, Mail
from hub.fair import FairKeys
from hub.fair.engine import make_engine
from hub.fair.mails import LEASE_MS, SqlMails, compose
from tests.databases import ready

KEYS = FairKeys(match=b"m" * 32, display=b"d" * 32, vault=b"v" * 32)
VALUES = {"name": "李 Ana", "link": "http://fair.example/verify/abc"}


class Server:
    """What came, and what is answered to RCPT."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        self.got.append(envelope)
        return "250 OK"


@pytest.fixture
async def smtp() -> AsyncIterator[tuple[Server, int]]:
    """A server of the test's own, and its port."""
    handler = Server()
    listening = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="mail.test"), "127.0.0.1", 0
    )
    yield handler, listening.sockets[0].getsockname()[1]
    listening.close()


@pytest.fixture
async def hubs(database_url: str, clock: Any, smtp: Any) -> AsyncIterator[list[SqlMails]]:
    """Two hubs on one database."""
    await ready(database_url)
    config = Config(
        mail=Mail(host="127.0.0.1", port=smtp[1], security="none", sender="Expo <fair@example.org>")
    )
    engines = [make_engine(database_url) for _ in range(2)]
    yield [SqlMails(engine, config, KEYS, clock) for engine in engines]
    for engine in engines:
        await engine.dispose()


async def test_two_hubs_send_each_mail_once(hubs: list[SqlMails], smtp: Any) -> None:
    server, _ = smtp
    for n in range(12):
        await hubs[n % 2].queue(f"p{n}@example.org", "verify", "zh-Hans", VALUES)
    sent = await asyncio.gather(*(hub.send_due() for hub in hubs), hubs[0].send_due())
    while await hubs[1].send_due():
        pass
    assert sum(sent) <= 12 and len(server.got) == 12
    assert len({envelope.rcpt_tos[0] for envelope in server.got}) == 12
    text = server.got[0].content.decode()
    assert "From: Expo <fair@example.org>" in text and "Auto-Submitted: auto-generated" in text
    rows, following = await hubs[0].outbox(None, 5)
    assert {row.state for row in rows} == {"sent"} and {row.text for row in rows} == {""}
    more, _ = await hubs[0].outbox(following, 200)
    assert len(rows) + len(more) == 12


async def test_a_failure_is_put_off_and_a_refusal_given_up(
    hubs: list[SqlMails], smtp: Any, clock: Any
) -> None:
    server, _ = smtp
    hub = hubs[0]
    server.answers = {"later@example.org": "451 come back", "never@example.org": "550 nobody"}
    for name in ("later", "never"):
        await hub.queue(f"{name}@example.org", "verify", "en", VALUES)
    assert await hub.send_due() == 0
    rows = {row.address: row for row in (await hub.outbox(None, 10))[0]}
    assert rows["never@example.org"].state == "failed"
    later = rows["later@example.org"]
    assert later.state == "waiting" and later.due_ms == clock.ms + 60_000 and later.attempts == 1
    assert await hub.send_due() == 0
    server.answers = {}
    clock.ms += 60_000
    assert await hub.send_due() == 1 and len(server.got) == 1
    assert await hub.send_again(rows["never@example.org"].id) and await hub.send_due() == 1
    assert not await hub.send_again(later.id), "sent already"


async def test_a_hub_that_dies_leaves_its_mails_to_others(
    hubs: list[SqlMails], smtp: Any, clock: Any
) -> None:
    await hubs[0].queue("p@example.org", "verify", "en", VALUES)
    assert len(await hubs[0]._take()) == 1  # and is gone before it sends
    assert await hubs[1].send_due() == 0
    clock.ms += LEASE_MS
    assert await hubs[1].send_due() == 1


async def test_no_value_writes_a_header(hubs: list[SqlMails], smtp: Any) -> None:
    server, _ = smtp
    evil = "Ana\r\nBcc: all@example.org\r\n\r\nBuy"
    subject, text = compose("verify", "en", {**VALUES, "name": evil, "fair": evil, "url": "u"})
    assert "\n" not in subject and "\nBcc" not in text
    await hubs[0].queue("p@example.org", "verify", "xx", {**VALUES, "name": evil, "fair": evil})
    await hubs[0].queue("p@example.org\r\nBcc: q@example.org", "verify", "en", VALUES)
    assert await hubs[0].send_due() == 1
    assert server.got[0].rcpt_tos == ["p@example.org"]
    head = server.got[0].content.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc" not in head
    rows, _ = await hubs[0].outbox(None, 10)
    assert rows[0].state == "failed", "an address of two lines is none"
