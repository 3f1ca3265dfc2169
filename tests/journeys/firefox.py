"""Debian's own Firefox under Playwright, which drives it by WebDriver BiDi.

Playwright sends each new context a command that this Firefox does not know yet, and gives the
context up when it is refused. So Playwright starts this module in Firefox's place: it starts the
browser, passes everything between the two, and answers that one command itself. None of the tests
ask for what it would set.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

FIREFOX = "/usr/bin/firefox-esr"
NEWER = "emulation.setMediaFeaturesOverride"
LISTENING = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
LARGEST = 64 << 20  # a screenshot or a trace is the longest message
#: Fake devices, a picture that changes and a tone, and no question asked; addresses as they
#: are, for nobody answers multicast names here.
PREFERENCES: dict[str, str | float | bool] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "permissions.default.camera": 1,
    "permissions.default.microphone": 1,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.peerconnection.ice.loopback": True,
}


@asynccontextmanager
async def launched(folder: Path) -> AsyncIterator[Browser]:
    """A Firefox with fake devices; ``folder`` takes what starts it."""
    command = folder / "firefox"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "$@"\n')
    command.chmod(0o755)
    async with async_playwright() as playwright:
        browser = await playwright.firefox.launch(
            channel="moz-firefox", executable_path=command, firefox_user_prefs=PREFERENCES
        )
        try:
            yield browser
        finally:
            await browser.close()


async def _relay(near: ServerConnection, target: str) -> None:
    """Pass messages on both ways until either side closes."""
    assert near.request is not None
    async with connect(target + near.request.path, max_size=LARGEST) as far:

        async def answers() -> None:
            async for message in far:
                await near.send(message)
            await near.close()

        back = asyncio.create_task(answers())
        try:
            async for message in near:
                command = json.loads(message)
                if command["method"] == NEWER:
                    done = {"type": "success", "id": command["id"], "result": {}}
                    await near.send(json.dumps(done))
                else:
                    await far.send(message)
            await far.close()
            await back
        except ConnectionClosed:
            back.cancel()


async def _instead(arguments: list[str]) -> int:
    """Run Firefox; say on stderr where to reach it, as it does. Its exit status."""
    firefox = await asyncio.create_subprocess_exec(
        FIREFOX, *arguments, stderr=asyncio.subprocess.PIPE
    )
    assert firefox.stderr is not None
    async for line in firefox.stderr:
        found = LISTENING.search(line)
        if found is None:
            sys.stderr.write(line.decode(errors="replace"))
            continue
        target = found[1].decode()
        server = await serve(
            lambda near, target=target: _relay(near, target), "127.0.0.1", 0, max_size=LARGEST
        )
        port = server.sockets[0].getsockname()[1]
        print(f"WebDriver BiDi listening on ws://127.0.0.1:{port}", file=sys.stderr, flush=True)
    return await firefox.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(_instead(sys.argv[1:])))
