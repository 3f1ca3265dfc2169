"""What people do at a fair that talks: ring, race for a slot, look for a time, write notes, try
doors that are not theirs. Part of ``tests.bench.talks``, against its running server.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import cycle
from statistics import fmean
from typing import Any, Final

import aiohttp
import sqlalchemy as sa

from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine, transaction
from hub.fair.tables import companies, company_staff, meeting_slots, people
from hub.load.figures import Latency
from rooms.model import Identity
from rooms.news import SUBPROTOCOL as NEWS_V1

STAFF: Final = 3
RINGS: Final = 60
RACERS: Final = 200
SLOTS: Final = 500
SLOT: Final = "be{:030x}"
QUARTER_MS: Final = 15 * 60_000
TYPISTS: Final = 10
TYPING_S: Final = 12.0
KEY_S: Final = 0.2  # between two keys of one person
TRIES: Final = 200
TRY_S: Final = 0.06  # between two rounds of them: a socket may say 20 things a second
FIRM: Final = "bench-firm"


def row_of(person: str) -> dict[str, Any]:
    return {
        "id": person, "name": person, "email": f"{person}@example.org", "country": "DE",
        "sectors": [], "languages": [], "language": "en", "role": "participant", "gate": False,
        "listed": True, "shows": [], "privacy_version": 1, "consent_ms": 1, "verified_ms": 1,
        "totp_on": False, "totp_step": 0, "source": "web", "blocked": False, "created_ms": 1,
        "changed_ms": 1, "version": 1,
    }  # fmt: skip


class Someone:
    """A signed-in browser."""

    def __init__(self, id: str, http: aiohttp.ClientSession, csrf: str) -> None:
        self.id, self.http, self.csrf = id, http, csrf

    async def api(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.http.request(
            method, f"/api/v1{path}", json=body, headers={"X-CSRF-Token": self.csrf}
        ) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def ticket(self) -> str:
        status, found = await self.api("POST", "/tickets", {})
        assert status == 201, found
        return str(found["ticket"])


class Page:
    """A page's news socket: when each message came."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self._came: dict[tuple[str, str], float] = {}
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for frame in self.ws:
            now = time.perf_counter()
            for message in json.loads(frame.data):
                self._came[message["type"], str(message.get("id", ""))] = now
            self._news.set()

    async def when(self, type: str, id: str) -> float:
        """Raises TimeoutError after ten seconds."""
        async with asyncio.timeout(10):
            while (type, id) not in self._came:
                self._news.clear()
                await self._news.wait()
        return self._came[type, id]

    async def close(self) -> None:
        await self.ws.close()
        self._task.cancel()


class Crowd:
    """People with accounts at the running server."""

    def __init__(self, url: str, database: str, key: str) -> None:
        self.url, self.key = url, key
        self._database = database
        self._stack = AsyncExitStack()
        self.staff: list[Someone] = []
        self.visitors: list[Someone] = []

    async def __aenter__(self) -> Crowd:
        engine = make_engine(self._database)
        names = [f"u_bstaff{n}" for n in range(STAFF)]
        guests = [f"u_bvisitor{n}" for n in range(RACERS)]
        firm = {
            "slug": FIRM, "name": "Bench", "names": {}, "sector": "finance", "country": "DE",
            "summary": {}, "about": {}, "links": [], "on_site": False, "online": True,
            "published": True, "sort_key": "bench", "created_ms": 1, "changed_ms": 1, "version": 1,
        }  # fmt: skip
        async with transaction(engine) as connection:
            await connection.execute(sa.insert(people), [row_of(id) for id in names + guests])
            await connection.execute(sa.insert(companies), firm)
            await connection.execute(sa.insert(company_staff), [
                {"company": FIRM, "person": id, "role": "owner", "title": None, "shown": True,
                 "created_ms": 1}
                for id in names
            ])  # fmt: skip
        directory = SqlDirectory(engine)
        self.staff = [await self._sign_in(directory, id) for id in names]
        self.visitors = [await self._sign_in(directory, id) for id in guests]
        await directory.close()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _sign_in(self, directory: SqlDirectory, id: str) -> Someone:
        cookie, session = await directory.open_session(Identity(id=id, name=id), 3600)
        http = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                self.url, cookies={"pavilion": cookie}, headers={"Origin": self.url},
                cookie_jar=aiohttp.CookieJar(unsafe=True),
            )
        )  # fmt: skip
        return Someone(id, http, session.csrf)

    async def offer(self) -> datetime:
        """SLOTS slots of a quarter of an hour on the day after tomorrow, which is answered."""
        day = datetime.now(UTC).date() + timedelta(days=2)
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        begins = int(midnight.timestamp() * 1000)
        rows = [
            {
                "id": SLOT.format(n), "company": FIRM, "staff": None, "place": "online",
                "starts_ms": begins + n % 96 * QUARTER_MS, "form": "single", "title": "",
                "ends_ms": begins + (n % 96 + 1) * QUARTER_MS, "capacity": 1, "taken": 0,
                "by": self.staff[0].id, "created_ms": 1,
            }
            for n in range(SLOTS)
        ]  # fmt: skip
        engine = make_engine(self._database)
        async with transaction(engine) as connection:
            await connection.execute(sa.insert(meeting_slots), rows)
        await engine.dispose()
        return midnight

    async def organiser(self, method: str, path: str, body: Any = None) -> Any:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.key}"}) as http,
            http.request(method, f"{self.url}/api/v1{path}", json=body) as answer,
        ):
            text = await answer.text()
            assert answer.status < 400, text
            return json.loads(text) if text else None

    async def page(self, who: Someone) -> Page:
        ws = await who.http.ws_connect("/news", protocols=[NEWS_V1], compress=0)
        page = Page(ws)
        await ws.send_json({"type": "hello", "id": 1, "ticket": await who.ticket()})
        await page.when("welcome", "")
        return page


async def rings(crowd: Crowd) -> dict[str, Any]:
    """From the visitor's request to each page that rings; from the answer to both being told
    where the talk is, and in it."""
    reach, room = Latency(), Latency()
    pages = [await crowd.page(one) for one in crowd.staff]
    for number in range(RINGS):
        visitor = crowd.visitors[number]
        theirs = await crowd.page(visitor)
        began = time.perf_counter()
        status, ring = await visitor.api("POST", f"/companies/{FIRM}/rings", {"subject": "Robots"})
        assert status == 201 and ring["state"] == "ringing", ring
        for page in pages:
            reach.add((await page.when("ring", ring["id"]) - began) * 1000)
        taker = number % STAFF
        began = time.perf_counter()
        status, taken = await crowd.staff[taker].api("POST", f"/rings/{ring['id']}/answer")
        assert status == 200, taken
        await pages[taker].when("call", ring["id"])
        await theirs.when("call", ring["id"])
        async with Talker(crowd, visitor) as talker:
            entered = await talker.enter(taken["room"])
            assert entered["type"] == "entered", entered
            room.add((time.perf_counter() - began) * 1000)
            status, _ = await crowd.staff[taker].api(
                "POST", f"/negotiations/{taken['room']}/end", {}
            )
            assert status == 204, status
        await theirs.close()
    for page in pages:
        await page.close()
    return {"ring_p50_ms": reach.at(0.5), "ring_p99_ms": reach.at(0.99),
            "room_p50_ms": room.at(0.5), "room_p99_ms": room.at(0.99)}  # fmt: skip


class Talker:
    """Somebody on the live socket."""

    def __init__(self, crowd: Crowd, who: Someone | None, token: str | None = None) -> None:
        self._crowd, self._who, self._token = crowd, who, token
        self._stack = AsyncExitStack()
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.event: Callable[[dict[str, Any]], None] = lambda event: None

    async def __aenter__(self) -> Talker:
        http = self._who.http if self._who is not None else await self._stack.enter_async_context(
            aiohttp.ClientSession(self._crowd.url)
        )  # fmt: skip
        self._ws = await http.ws_connect("/live", protocols=["pavilion.v1"], compress=0)
        self._task = asyncio.create_task(self._read())
        proof = (
            {"token": self._token} if self._who is None else {"ticket": await self._who.ticket()}
        )
        await self.ask("hello", **proof)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._ws.close()
        self._task.cancel()
        await self._stack.aclose()

    async def _read(self) -> None:
        async for frame in self._ws:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                return
            for message in json.loads(frame.data):
                waiting = self._answers.pop(message.get("re", -1), None)
                if waiting is not None:
                    waiting.set_result(message)
                elif message["type"] == "event":
                    self.event(message)

    async def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._ws.send_json({"type": type, "id": self._number, **fields})
        async with asyncio.timeout(20):
            return await answer

    async def enter(self, room: str) -> dict[str, Any]:
        return await self.ask("enter", room=room)


async def slots(crowd: Crowd) -> dict[str, Any]:
    """A day of SLOTS slots: a free time is looked for; then everybody wants the same one."""
    midnight = await crowd.offer()
    look = Latency()
    span = f"from={_z(midnight)}&to={_z(midnight + timedelta(days=1))}"
    for visitor in crowd.visitors[:50]:
        began = time.perf_counter()
        status, free = await visitor.api("GET", f"/companies/{FIRM}/suggestions?{span}")
        look.add((time.perf_counter() - began) * 1000)
        assert status == 200 and free["items"], free
    body = {"subject": "The same for all", "slot": SLOT.format(0), "place": "online"}
    came: Counter[str] = Counter()
    took = Latency()

    async def want(visitor: Someone) -> None:
        began = time.perf_counter()
        status, answer = await visitor.api("POST", f"/companies/{FIRM}/appointments", body)
        took.add((time.perf_counter() - began) * 1000)
        came["got it" if status == 201 else str(answer.get("code"))] += 1

    await asyncio.gather(*(want(visitor) for visitor in crowd.visitors))
    return {"race": dict(came), "race_max_ms": took.at(1.0), "race_p50_ms": took.at(0.5),
            "suggest_p50_ms": look.at(0.5), "suggest_p99_ms": look.at(0.99)}  # fmt: skip


def _z(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def notes(crowd: Crowd) -> dict[str, Any]:
    """TYPISTS people type into one text, a key each KEY_S: from the key to the others' pages."""
    slug = "bench-notes"
    body = {"slug": slug, "title": "Notes", "kind": "negotiation", "mode": "many_to_many",
            "capacity": TYPISTS}  # fmt: skip
    await crowd.organiser("POST", "/rooms", body)
    names = [{"id": f"typist-{n}", "name": f"Typist {n}"} for n in range(TYPISTS)]
    batch = {"participants": names, "role": "participant"}
    tokens = (await crowd.organiser("POST", f"/rooms/{slug}/tokens:batch", batch))["tokens"]
    sent: dict[str, float] = {}
    shown = Latency()

    def seen(event: dict[str, Any]) -> None:
        if event["kind"] == "note":
            for part in event["body"]["ops"]:
                if isinstance(part, str) and part in sent:
                    shown.add((time.perf_counter() - sent[part]) * 1000)

    async with AsyncExitStack() as stack:
        talkers = [
            await stack.enter_async_context(Talker(crowd, None, token["token"])) for token in tokens
        ]
        for talker in talkers:
            await talker.enter(slug)
        end = time.perf_counter() + TYPING_S
        await asyncio.gather(*(
            type_(talker, slug, number, sent, seen, end) for number, talker in enumerate(talkers)
        ))  # fmt: skip
        text = (await talkers[0].ask("notes", room=slug))["text"]
    kept = sum(part in text for part in sent)
    return {"note_p50_ms": shown.at(0.5), "note_p99_ms": shown.at(0.99), "notes_shown": shown.count,
            "keys": len(sent), "keys_kept": kept}  # fmt: skip


async def type_(
    talker: Talker, slug: str, number: int, sent: dict[str, float],
    seen: Callable[[dict[str, Any]], None], end: float,
) -> None:  # fmt: skip
    """At the end of the text as far as this page knows it; each key is told from all others."""
    known = {"rev": 0, "length": 0}

    def event(message: dict[str, Any]) -> None:
        if message["kind"] == "note" and message["body"]["rev"] == known["rev"] + 1:
            ops = message["body"]["ops"]
            known["rev"] += 1
            known["length"] += sum(len(part) for part in ops if isinstance(part, str))
            known["length"] -= sum(-part for part in ops if isinstance(part, int) and part < 0)
        if message["by"] != f"typist-{number}":
            seen(message)

    talker.event = event
    count = 0
    while time.perf_counter() < end:
        key = f"<{number}.{count}>"
        count += 1
        base, length = known["rev"], known["length"]
        sent[key] = time.perf_counter()
        answer = await talker.ask(
            "note", room=slug, base=base, ops=[length, key] if length else [key]
        )
        assert answer["type"] == "ok", answer
        await asyncio.sleep(max(0.0, KEY_S - (time.perf_counter() - sent[key])))


async def doors(crowd: Crowd) -> dict[str, Any]:
    """Mean times, in turns, of what answers as an unknown room does."""
    host, stranger, removed = crowd.staff[0], crowd.visitors[0], crowd.visitors[1]
    begins = datetime.now(UTC)
    body = {"company": FIRM, "mode": "one_to_many", "subject": "Private", "capacity": 6,
            "starts_at": _z(begins), "ends_at": _z(begins + timedelta(hours=1))}  # fmt: skip
    status, opened = await host.api("POST", "/negotiations", body)
    assert status == 201, opened
    room = opened["items"][0]["room"] if "items" in opened else opened["room"]
    status, found = await host.api("POST", f"/negotiations/{room}/members", {
        "person": removed.id, "side": "guest",
    })  # fmt: skip
    assert status == 204, found
    await host.api("DELETE", f"/negotiations/{room}/members/{removed.id}")
    used = await _used_invitation(crowd, host, room)
    ways: dict[str, Callable[[], Awaitable[Any]]] = {}
    spent: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        # A socket each and ever new guests: nobody comes near what one may try.
        one, two, three = [
            await stack.enter_async_context(Talker(crowd, who))
            for who in (stranger, stranger, removed)
        ]
        guests = cycle(crowd.visitors[3:])

        def way(name: str, act: Callable[[], Awaitable[Any]]) -> None:
            ways[name], spent[name] = act, []

        way("page: unknown", lambda: page(stranger, "n-" + "a" * 20))
        way("page: outsider", lambda: page(stranger, room))
        way("page: removed", lambda: page(removed, room))
        way("API: unknown", lambda: stranger.api("GET", "/negotiations/n-" + "a" * 20))
        way("API: outsider", lambda: stranger.api("GET", f"/negotiations/{room}"))
        way("API: removed", lambda: removed.api("GET", f"/negotiations/{room}"))
        way("invitation: unknown", lambda: accept(next(guests), used[:-4] + "AAAA"))
        way("invitation: used", lambda: accept(next(guests), used))
        way("socket: unknown", lambda: one.enter("n-" + "b" * 20))
        way("socket: outsider", lambda: two.enter(room))
        way("socket: removed", lambda: three.enter(room))
        for act in ways.values():
            await act()  # warm
        answers: dict[str, set[str]] = {}
        turns = list(ways.items())
        for _ in range(TRIES):
            random.shuffle(turns)  # what the fair does meanwhile falls on all alike
            await asyncio.sleep(TRY_S)
            for name, act in turns:
                began = time.perf_counter()
                answer = await act()
                spent[name].append((time.perf_counter() - began) * 1000)
                answers.setdefault(name.split(":")[0], set()).add(_shape(answer, room))
    means = {name: round(fmean(times), 2) for name, times in spent.items()}
    kinds: dict[str, list[float]] = {}
    for name, mean in means.items():
        kinds.setdefault(name.split(":")[0], []).append(mean)
    return {"means_ms": means, "apart_ms": max(max(m) - min(m) for m in kinds.values()),
            "same": all(len(one) == 1 for one in answers.values())}  # fmt: skip


def _shape(answer: Any, room: str) -> str:
    """An answer without what names the question."""
    if isinstance(answer, dict):
        answer = {key: value for key, value in answer.items() if key not in ("re", "room")}
    return json.dumps(answer).replace(room, "")


async def page(who: Someone, room: str) -> tuple[int, int]:
    async with who.http.get(f"/negotiations/{room}") as answer:
        text = await answer.text()
        return answer.status, len(text.replace(room, ""))


async def accept(who: Someone, secret: str) -> tuple[int, Any]:
    return await who.api("POST", "/invitations/accept", {"secret": secret})


async def _used_invitation(crowd: Crowd, host: Someone, room: str) -> str:
    status, made = await host.api("POST", f"/negotiations/{room}/invites", {"uses": 1})
    assert status == 201, made
    secret = str(made["url"]).rpartition("/")[2]
    status, found = await accept(crowd.visitors[2], secret)
    assert status == 200, found
    return secret
