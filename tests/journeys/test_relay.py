"""A talk whose people learn no address of each other: through a real coturn, in real browsers."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, WebSocket, async_playwright, expect

from tests.journeys.test_capacity import inside
from tests.journeys.test_stage import WATCH, rising
from tests.journeys.test_talk import Person, a_talk_of, code, enter
from tests.journeys.visitors import a_page, sign_in
from tests.pages.serving import BROWSER_ARGS, CHROMIUM, READY_S, Fair, free_port

#: Not the address that the browsers have: whatever else is seen is a browser's own.
RELAY = "127.0.0.2"
IPV4 = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
#: The kinds of candidates at both ends of what the pictures come by.
ENDS = """
async () => {
  const kinds = [];
  for (const pc of peers.filter((pc) => pc.connectionState === "connected")) {
    const stats = await pc.getStats();
    for (const one of stats.values()) {
      if (one.type !== "transport" || !one.selectedCandidatePairId) continue;
      const pair = stats.get(one.selectedCandidatePairId);
      for (const id of [pair.localCandidateId, pair.remoteCandidateId]) {
        kinds.push([stats.get(id).candidateType, stats.get(id).address]);
      }
    }
  }
  return kinds;
}
"""


@dataclass
class Heard:
    """Every text that one's page got over a WebSocket."""

    frames: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        def opened(ws: WebSocket) -> None:
            ws.on("framereceived", self._keep)

        page.on("websocket", opened)

    def _keep(self, frame: str | bytes) -> None:
        self.frames.append(frame if isinstance(frame, str) else frame.decode())

    def of(self, kind: str) -> list[dict[str, Any]]:
        batches = [json.loads(frame) for frame in self.frames]
        return [message for batch in batches for message in batch if message["type"] == kind]


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(URL, secret) of a running TURN server."""
    directory = tmp_path_factory.mktemp("coturn")
    port, secret = free_port(socket.SOCK_DGRAM), secrets.token_urlsafe(24)
    log = directory / "turnserver.log"
    server = subprocess.Popen(
        [
            "turnserver", "-n", "--listening-ip", RELAY, "--relay-ip", RELAY,
            "--listening-port", str(port), "--use-auth-secret", f"--static-auth-secret={secret}",
            "--realm", "fair.example", "--allow-loopback-peers", "--no-cli", "--no-tls",
            "--no-dtls", "--no-rfc5780", "--relay-threads", "1", "--log-file", "stdout",
            "--userdb", str(directory / "turndb"), "--pidfile", str(directory / "pid"),
        ],
        stdout=log.open("wb"), stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _await_bound(server, port, log)
        yield f"turn:{RELAY}:{port}?transport=udp", secret
    finally:
        server.terminate()
        server.wait(20)


def _await_bound(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    process = psutil.Process(server.pid)
    while not any(one.laddr and one.laddr.port == port for one in process.net_connections()):
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)


@pytest.fixture(scope="module")
def relayed(
    tmp_path_factory: pytest.TempPathFactory, coturn: tuple[str, str]
) -> Iterator[Fair]:  # fmt: skip
    url, secret = coturn
    running = Fair(
        tmp_path_factory.mktemp("relayed") / "data", workers=1,
        more={"TURN__URLS": json.dumps([url]), "TURN__SECRET": secret},
    )  # fmt: skip
    try:
        running.await_ready()
        yield running
    finally:
        running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def looping() -> AsyncIterator[Browser]:
    """A browser that takes loopback for a network, as the relay is on it."""
    async with async_playwright() as playwright:
        args = [*BROWSER_ARGS, "--allow-loopback-in-peer-connection"]
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        try:
            yield launched
        finally:
            await launched.close()


async def at_the_door(browser: Browser, fair: Fair, who: Person, room: str) -> tuple[Page, Heard]:
    page, heard = await a_page(browser), Heard()
    page.context.set_default_timeout(20_000)
    heard.listen(page)
    await page.add_init_script(WATCH)
    await sign_in(page, fair, who.address)
    await page.goto(f"{fair.url}/negotiations/{room}")
    await page.wait_for_selector("html[data-ready]")
    return page, heard


@pytest.mark.timeout(240)
async def test_no_address_of_either_side_reaches_the_other(
    relayed: Fair, looping: Browser
) -> None:  # fmt: skip
    room, chen, sofia = await a_talk_of(relayed, relay_only=True)
    host, at_host = await at_the_door(looping, relayed, chen, room)
    guest, at_guest = await at_the_door(looping, relayed, sofia, room)
    await enter(host)
    await inside(host, 20)
    # The guest looks at their devices, and is told of no relay yet: that is for who is seated.
    await guest.locator("#allow").click()
    await guest.locator("#preview-bar").wait_for()
    assert not any("turn:" in frame for frame in at_guest.frames)
    await guest.locator("#enter").click()
    await inside(guest, 20)

    await asyncio.gather(rising(host, "the host", 1, 60), rising(guest, "the guest", 1, 60))
    for page in (host, guest):
        ends = await page.evaluate(ENDS)
        assert len(ends) >= 2 and {tuple(end) for end in ends} == {("relay", RELAY)}, ends
        await expect(page.locator(".talk-secure")).to_have_text("End-to-end encrypted")
    assert await code(host, sofia.name) == await code(guest, chen.name)

    addresses = {
        one.address.partition("%")[0]
        for many in psutil.net_if_addrs().values()
        for one in many
        if one.family in {socket.AF_INET, socket.AF_INET6}
    } - {"::1"}
    for heard in (at_host, at_guest):
        # The hub writes this address into every origin line, whatever the browser wrote.
        signals = [
            json.dumps(one["data"]).replace("2 IN IP4 127.0.0.1", "") for one in heard.of("signal")
        ]
        assert any("typ relay" in signal for signal in signals), "nothing was signalled"
        for signal in signals:
            assert set(IPV4.findall(signal)) <= {RELAY, "0.0.0.0"}, signal
            assert not any(address in signal for address in addresses), signal
        for frame in heard.frames:
            assert not re.search(r"typ (host|srflx|prflx)|\.local\b", frame), frame
        # What opens the relay is of no use ten minutes from now.
        given = [server for one in heard.of("ice") for server in one["servers"]]
        assert given
        for server in given:
            assert int(server["username"].partition(":")[0]) <= time.time() + 600
