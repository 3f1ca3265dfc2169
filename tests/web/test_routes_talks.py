"""Every route of talks, appointments, rings and results has its row here, and every row is true.

A row says who is let in: what the others get is what they get where nothing is, or a way to sign
in; calls answer 401, 403 or 404 before they look at anything. Acts are tried with nothing in them:
who is let in gets as far as being told so. Whoever is refused is tried before whoever is not, as
some acts need nothing more.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from rooms.model import Role
from rooms.rings import Happening
from tests.web.conftest import Hub
from tests.web.talking import Fair, Person
from tests.web.test_routes import OWN, ask, routes

#: Who tries each route. ``guest`` and ``host`` belong to the talk, the meeting, the ring and the
#: result; ``removed`` belonged to the talk; ``staff`` works for the company and has no part in
#: any of it; ``other`` has an account and nothing else. ``token`` sits in the talk by a token of
#: its room, as host; ``foreign`` has one of another room. ``key`` is the organiser's.
WHO = ("nobody", "other", "removed", "foreign", "token", "moderator", "organiser", "key", "staff",
       "guest", "host")  # fmt: skip
#: Who is let in, and what. ``everybody`` is all of WHO.
MATRIX: dict[str, str] = {
    "everybody": """
        GET /api/v1/results
        GET /api/v1/results/totals
        GET /invitations/{secret}
        GET /results
        GET /results.atom
        GET /results.json
        GET /results.{form}
    """,
    "other removed foreign token moderator organiser key staff guest host": """
        GET /api/v1/companies/{company}/slots
    """,
    "other removed moderator organiser key staff guest host": """
        GET /api/v1/appointments
        GET /api/v1/negotiations
    """,
    "other removed moderator organiser staff guest host": """
        GET /api/v1/companies/{company}/suggestions
        GET /api/v1/me/results
    """,
    "other removed staff guest host": """
        POST /api/v1/companies/{company}/rings
        POST /api/v1/invitations/accept
        GET POST /companies/{company}/meet
        POST /invitations/{secret}
        GET /me/appointments
    """,
    "other removed guest": """
        POST /api/v1/companies/{company}/appointments
    """,
    "organiser key": """
        GET /api/v1/appointments:counts
        POST /api/v1/results
        POST /api/v1/results/{id}/corrections
        PUT DELETE /api/v1/results/{id}/corrections/attachment
    """,
    "organiser key staff host": """
        GET /api/v1/companies/{company}/appointments
        GET /api/v1/companies/{company}/rings
        POST /api/v1/negotiations
    """,
    "organiser key staff guest host": """
        GET /api/v1/appointments/{id}
    """,
    "organiser key guest host": """
        POST /api/v1/appointments/{id}/actions
        GET /api/v1/results/{id}
        POST /api/v1/results/{id}/actions
    """,
    "organiser guest host": """
        GET /results/{id}
        GET /results/{id}/attachment
    """,
    # An organiser reads these pages; what they send is refused on the page, as by the calls.
    "organiser staff host": """
        GET /companies/{company}/day
        GET POST /companies/{company}/slots
        GET POST /companies/{company}/slots/{id}
        POST /companies/{company}/slots/{id}/cancel
    """,
    "staff host": """
        POST /api/v1/companies/{company}/rings/seen
        POST /api/v1/companies/{company}/rounds
        POST /api/v1/companies/{company}/slots
        POST /api/v1/rings/{ring}/answer
        POST /api/v1/rings/{ring}/decline
        POST /companies/{company}/appointments/{id}/{act}
        GET POST /companies/{company}/round
    """,
    "staff guest host": """
        GET /api/v1/rings/{ring}
        GET /me/appointments/{id}.ics
    """,
    "token guest host": """
        GET /api/v1/negotiations/{room}
        GET POST /api/v1/negotiations/{room}/files
        GET DELETE /api/v1/negotiations/{room}/files/{id}
    """,
    "token host": """
        POST /api/v1/negotiations/{room}/extension
    """,
    "token organiser key host": """
        POST /api/v1/negotiations/{room}/end
    """,
    "guest": """
        POST /api/v1/rings/{ring}/cancel
        POST /me/appointments/{id}/{act}
    """,
    "host": """
        PATCH DELETE /api/v1/companies/{company}/slots/{id}
        GET POST /api/v1/negotiations/{room}/colleagues
        GET POST /api/v1/negotiations/{room}/invites
        DELETE /api/v1/negotiations/{room}/invites/{id}
        POST /api/v1/negotiations/{room}/members
        DELETE /api/v1/negotiations/{room}/members/{person}
        POST /api/v1/negotiations/{room}/move
    """,
    "guest host": """
        GET POST /api/v1/negotiations/{room}/results
        PATCH /api/v1/results/{id}
        PUT DELETE /api/v1/results/{id}/attachment
        GET /negotiations/{room}
        GET /negotiations/{room}/result
        GET POST /negotiations/{room}/result/new
        GET POST /negotiations/{room}/result/{id}
        POST /negotiations/{room}/result/{id}/submit
        POST /negotiations/{room}/result/{id}/withdraw
        POST /results/{id}/confirm
    """,
    "organiser": """
        GET /organise/negotiations
        GET POST /organise/negotiations/new
        POST /organise/negotiations/sheet
        GET POST /organise/negotiations/{room}
        GET POST /organise/results
        GET POST /organise/results/new
        GET /organise/results/{id}
        GET POST /organise/results/{id}/edit
        POST /organise/results/{id}/paper
        POST /organise/results/{id}/submit
        POST /organise/results/{id}/withdraw
    """,
}
#: What the ``id`` after a word of a path is, where it is not named by that word.
IDS = {"result": "results"}
PDF = b"%PDF-1.7\n" + b"x" * 50 + b"\n%%EOF\n"
#: What is used up by whoever is let in: the next one has a new one.
SPENT: dict[str, str] = {
    "POST /api/v1/appointments/{id}/actions": "meeting",
    "POST /api/v1/companies/{company}/appointments": "meeting",
    "DELETE /api/v1/companies/{company}/slots/{id}": "meeting",
    "POST /api/v1/invitations/accept": "talk",
    "POST /api/v1/negotiations/{room}/end": "talk",
    "POST /api/v1/negotiations/{room}/move": "talk",
    "DELETE /api/v1/negotiations/{room}/files/{id}": "talk",
    "DELETE /api/v1/negotiations/{room}/invites/{id}": "talk",
    "DELETE /api/v1/negotiations/{room}/members/{person}": "talk",
    "POST /api/v1/rings/{ring}/answer": "ring",
    "POST /api/v1/rings/{ring}/decline": "ring",
    "POST /api/v1/rings/{ring}/cancel": "ring",
    "POST /companies/{company}/appointments/{id}/{act}": "meeting",
    "POST /companies/{company}/slots/{id}/cancel": "meeting",
    "POST /invitations/{secret}": "talk",
    "POST /me/appointments/{id}/{act}": "meeting",
}


async def tried(
    who: Any, name: str, method: str, path: str, names: dict[str, str]
) -> tuple[int, str]:
    """(status, where to) of the route, asked for with no more than it needs."""
    body = BODIES.get(f"{method} {path}")
    if path.endswith("/end") and name in ("organiser", "key"):
        body = {"reason": "complaint", "note": "Fraud was reported"}
    if path == "/organise/results/{id}/edit":  # of those that everybody sees
        names = {**names, "results": names["released"]}
    if body is None:
        return await ask(who, method, filled(path, names))
    text = re.sub(r'"\{(\w+)\}"', lambda m: json.dumps(names[m[1]]), json.dumps(body))
    answer = await who.api(method, filled(path, names)[7:], json.loads(text))
    return answer.status, ""


def span(minutes: int) -> dict[str, str]:
    at = datetime.now(UTC).replace(second=0, microsecond=0, minute=0) + timedelta(
        days=1, minutes=minutes
    )
    return {"starts_at": at.isoformat(), "ends_at": (at + timedelta(minutes=30)).isoformat()}


@dataclass
class Bearer:
    """Who calls with a token or the key, and opens pages as nobody."""

    hub: Hub
    auth: str | None
    csrf: str = ""
    id: str = field(default="")

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        return await self.hub.api(method, path, body, auth=self.auth)

    async def get(self, path: str) -> Any:
        return await self.hub.call("GET", path, auth=None)

    async def post(self, path: str) -> Any:
        return await self.hub.call("POST", path, auth=None, data={})


#: What goes along where a call is refused for what it says before it is refused for who says it.
BODIES: dict[str, Any] = {
    "POST /api/v1/appointments/{id}/actions": {"action": "cancel", "reason": "Ill"},
    "POST /api/v1/companies/{company}/appointments": {"subject": "Arms", "slot": "{slot}"},
    "POST /api/v1/companies/{company}/rings/seen": {"until": "2020-01-01T00:00:00Z"},
    "POST /api/v1/companies/{company}/rounds": {
        "subject": "Round", "seats": {"pearl": 2, "coral": 2}, **span(240),
    },
    "POST /api/v1/companies/{company}/slots": {"items": [span(300)]},
    "POST /api/v1/invitations/accept": {"secret": "{secret}"},
    "POST /api/v1/negotiations": {
        "mode": "one_to_many", "subject": "Two", "company": "pearl", "capacity": 3,
    },
}  # fmt: skip


class Cast(Fair):
    """One of each, and records that are made again for whoever uses them up."""

    people: dict[str, Any]

    async def open(self) -> Cast:
        found: dict[str, Any] = {"nobody": await self.nobody()}
        for name in ("other", "removed", "guest", "host", "staff", "gone"):
            found[name] = await self.person(name.title())
        await self.company("pearl", found["host"], found["staff"])
        await self.company("coral", found["gone"])
        found["organiser"] = await self.organiser()
        browser = await self.stack.enter_async_context(self.site.browser())
        found["moderator"] = Person(browser, "", await browser.sign_in(Role.MODERATOR))
        self.people, self.outside = found, await self.stack.enter_async_context(self.site.browser())
        found["key"] = Bearer(self.outside, "key")
        self.slots = iter(range(0, 20_000, 150))
        foreign = await self.talk("pearl", found["host"], found["gone"])
        found["foreign"] = Bearer(self.outside, self.site.token(foreign, Role.HOST, "p-foreign"))
        return self

    async def told(self, who: str, method: str, path: str, body: Any = None) -> Any:
        answer = await self.people[who].api(method, path, body)
        assert answer.status < 300, (method, path, await answer.text())
        return await answer.json()

    async def records(self, *parts: str) -> dict[str, str]:
        """What the paths are about: each of guest and host."""
        found = {"company": "pearl", "form": "csv", "act": "cancel"}
        makers = {"talk": self.talk_of, "meeting": self.meeting, "ring": self.ring}
        for part in parts or makers:
            found |= await makers[part]()
        return found

    async def talk_of(self) -> dict[str, str]:
        """A talk that ``removed`` belonged to and where ``token`` sits, with what is in it."""
        people, guest = self.people, self.people["guest"]
        guests = (people[name] for name in ("guest", "removed", "gone"))
        room = await self.talk("pearl", people["host"], *guests)
        await self.talks.remove_member(room, people["removed"].id, people["host"].id)
        await self.seat(room, "p-token", Role.HOST)
        people["token"] = Bearer(self.outside, self.site.token(room, Role.HOST, "p-token"))
        file = await guest.hub.call(
            "POST", f"/api/v1/negotiations/{room}/files?filename=offer.pdf", auth=None, data=PDF,
            headers={"X-CSRF-Token": guest.csrf},
        )  # fmt: skip
        assert file.status == 201, await file.text()
        invite = await self.told("host", "POST", f"/negotiations/{room}/invites", {})
        return {
            "room": room, "files": (await file.json())["id"], "invites": invite["id"],
            "secret": invite["url"].rpartition("/")[2], "person": people["gone"].id,
            "results": await self.result(room), "released": await self.released(room),
        }  # fmt: skip

    async def meeting(self) -> dict[str, str]:
        """A meeting that the host is asked for, and a slot that is free."""
        offered = {"items": [span(next(self.slots)), span(next(self.slots))]}
        made = await self.told("host", "POST", "/companies/pearl/slots", offered)
        taken, free = (one["id"] for one in made["items"])
        wish = {"subject": "Robots", "slot": taken}
        asked = await self.told("guest", "POST", "/companies/pearl/appointments", wish)
        return {"slot": free, "slots": free, "appointments": asked["id"]}

    async def result(self, room: str) -> str:
        """One that both are asked to confirm, with a paper."""
        host = self.people["host"]
        made = await self.told("host", "POST", f"/negotiations/{room}/results", {
            "kind": "agreement", "sector": "finance", "signed_on": date.today().isoformat(),
            "parties": [
                {"company": "pearl"},
                {"name": "Gast GmbH", "country": "DE", "person": self.people["guest"].id},
            ],
            "titles": {"en": "A joint lab"}, "texts": {"en": "It begins this year."},
        })  # fmt: skip
        path = f"/results/{made['id']}"
        paper = await host.hub.call(
            "PUT", f"/api/v1{path}/attachment?filename=signed.pdf", auth=None, data=PDF,
            headers={"X-CSRF-Token": host.csrf, "If-Match": "*"},
        )  # fmt: skip
        assert paper.status == 200, await paper.text()
        ask = {"action": "submit", "version": (await paper.json())["version"]}
        await self.told("host", "POST", f"{path}/actions", ask)
        return str(made["id"])

    async def released(self, room: str) -> str:
        id = await self.result(room)
        one = await self.told("host", "GET", f"/results/{id}")
        seen = {"version": one["version"], "digest": one["own"]["digest"]}
        for who in ("host", "guest"):
            await self.told(who, "POST", f"/results/{id}/actions", {"action": "confirm", **seen})
        await self.told("key", "POST", f"/results/{id}/actions", {"action": "release"})
        return id

    async def ring(self) -> dict[str, str]:
        """One that rings at the host's and the colleague's."""
        rings, people = self.parts.rings, self.people
        for caller in await rings.of_company("pearl", 0):
            await rings.end(caller.id, Happening.HANG_UP, people["guest"].id)
        online = [people["host"].id, people["staff"].id]
        return {"ring": (await rings.ring(people["guest"].id, "pearl", "Robots", online)).id}


@pytest.fixture
async def cast(site: Hub) -> AsyncIterator[Cast]:
    async with AsyncExitStack() as stack:
        yield await Cast(site, stack).open()


def filled(text: str, names: dict[str, str]) -> str:
    """``{id}`` is named by what stands before it."""
    text = re.sub(r"(\w+)/\{id[^}]*\}", lambda m: f"{m[1]}/{names[IDS.get(m[1], m[1])]}", text)
    return re.sub(r"\{(\w+)[^}]*\}", lambda m: names[m[1]], text)


def rows() -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], frozenset[str]] = {}
    for who, lines in MATRIX.items():
        for line in lines.split("\n"):
            *methods, path = line.split() or [""]
            for method in methods:
                assert (method, path) not in found, (method, path)
                found[method, path] = frozenset(WHO if who == "everybody" else who.split())
    return found


def test_every_route_of_talks_has_its_row(site: Hub) -> None:
    of_talks = {(method, path) for module, method, path in routes(site) if module.startswith(OWN)}
    assert sorted(of_talks ^ set(rows())) == [], "say in MATRIX whom these are for"


async def test_each_row_of_talks(cast: Cast) -> None:
    names = await cast.records()
    wrong = []
    # What takes things away comes last, and whoever is let in after who is not.
    for (method, path), let_in in sorted(rows().items(), key=lambda row: (late(*row[0]), row[0])):
        part = SPENT.get(f"{method} {path}")
        for name in sorted(WHO, key=lambda one: (one in let_in, WHO.index(one))):
            if part is not None and name in let_in:
                names |= await cast.records(part)
            status, where = await tried(cast.people[name], name, method, path, names)
            away = status in {401, 403, 404} or where.startswith("/login?next=")
            if status >= 500 or away == (name in let_in):
                wrong.append((name, "is refused" if away else "is let in", method, path, status))
    assert not wrong, "\n".join(map(str, wrong))


def late(method: str, path: str) -> int:
    """Who answered a ring is on the way to a talk: nobody rings there any more."""
    return 2 if path.endswith("/answer") else int(method == "DELETE" or path.endswith("/end"))
