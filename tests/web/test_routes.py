"""Every route there is has its row here, and every row is true.

A row names whom a route is for; the others get what they get at an address where nothing is (404),
or are asked to sign in when they have not; calls answer 401, 403 or 404 before they look at
anything. Acts are tried with nothing in them: whom they are for gets as far as being told so.
The routes of talks, appointments, rings and results are in ``test_routes_talks`` (OWN).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from hub.ports.people import Registration
from rooms.model import Role
from tests.web.conftest import Hub
from tests.web.test_companies import Fair, Person

MATRIX: dict[str, str] = {
    "everybody": """
        GET /
        GET /api/v1/companies
        GET /api/v1/companies/{company}
        GET /api/v1/conferences
        GET /api/v1/conferences/{conference}
        POST /api/v1/devices
        POST /api/v1/devices:refresh
        GET /api/v1/fair
        GET /api/v1/openapi.json
        POST /api/v1/people
        POST /api/v1/people:verify
        POST /api/v1/rooms/{room}/guest
        GET /api/v1/slots
        GET /api/v1/slots/{id}
        GET /calendar/{token}.ics
        GET /companies
        GET /companies/{company}
        GET /companies/{company}/files/{file}
        GET /desk
        GET /favicon.ico
        GET /health/live
        GET /health/ready
        GET /i18n/{lang}.json
        GET /invitations/{token}
        GET /live
        GET POST /login
        GET POST /login/code
        GET /metrics
        GET /news
        GET /now.json
        GET /programme
        GET /programme/{conference}
        GET /programme/{conference}.ics
        GET POST /register
        GET /register/done
        GET POST /reset
        GET /reset/done
        GET POST /reset/{token}
        GET /rooms/{room}
        GET /rooms/{room}/now.json
        GET POST /signin/{token}
        POST /signout
        GET /static/{version}/{name}
        GET POST /verify/{token}
        POST OPTIONS /{way}/{room}
        DELETE OPTIONS /{way}/{room}/{session}
    """,
    "account": """
        GET PATCH DELETE /api/v1/me
        GET /api/v1/me/agenda
        PUT DELETE /api/v1/me/agenda/{conference}
        GET /api/v1/me/cards
        PUT DELETE /api/v1/me/cards/{company}
        GET /api/v1/me/export
        GET /api/v1/me/favourites
        PUT DELETE /api/v1/me/favourites/{company}
        DELETE /api/v1/me/identity
        GET PUT DELETE /api/v1/me/pass
        GET /api/v1/me/sessions
        DELETE /api/v1/me/sessions/{id}
        POST /api/v1/tickets
        POST /companies/{company}/card
        POST /companies/{company}/card/withdraw
        POST /companies/{company}/favour
        POST /invitations/{token}
        GET POST /me
        GET /me/agenda
        GET /me/agenda.ics
        POST /me/agenda/add
        POST /me/agenda/feed
        POST /me/agenda/remove
        GET /me/companies
        GET /me/data
        GET /me/data.json
        POST /me/data/erase
        GET /me/favourites
        GET POST /me/pass
        GET /me/pass.pdf
        GET /me/pass.png
        POST /me/pass/cancel
        POST /me/pass/erase
        GET POST /me/privacy
        GET /me/security
        POST /me/security/email
        POST /me/security/password
        POST /me/security/sessions
        GET POST /me/security/totp
        POST /me/security/totp/confirm
        POST /me/security/totp/end
        GET /media/{name}
    """,
    "staff": """
        GET /api/v1/companies/{company}/staff
        GET /api/v1/companies/{company}/cards
        GET /companies/{company}/cards
        GET /companies/{company}/cards.{format}
        GET /companies/{company}/visitors
        GET /companies/{company}/visitors.{format}
    """,
    "editor": """
        PATCH /api/v1/companies/{company}
        GET POST /companies/{company}/edit
        POST /companies/{company}/files
        POST /companies/{company}/files/{file}/remove
        POST /companies/{company}/logo
        POST /companies/{company}/logo/remove
    """,
    "owner": """
        DELETE /api/v1/companies/{company}/staff/{person}
        POST /companies/{company}/invites
        POST /companies/{company}/invites/{invite}/revoke
        GET /companies/{company}/staff
        POST /companies/{company}/staff/{person}
        POST /companies/{company}/staff/{person}/remove
    """,
    "gate": """
        POST /api/v1/gate/people
        POST /api/v1/gate/scans
        GET POST /gate
        GET POST /gate/desk
        POST /gate/frame
        GET /gate/people/{id}/pass.pdf
    """,
    "moderator": """
        GET /api/v1/figures
        GET /api/v1/figures/history
        GET /api/v1/occupancy
        POST GET /api/v1/rooms
        GET PATCH DELETE /api/v1/rooms/{room}
        GET /api/v1/rooms/{room}/participants
        POST /api/v1/rooms/{room}/participants/{id}/actions
        POST /api/v1/rooms/{room}/tokens
        POST /api/v1/rooms/{room}/tokens:batch
    """,
    "organiser": """
        POST GET /api/v1/announcements
        GET DELETE /api/v1/announcements/{announcement}
        GET /api/v1/attendance
        GET /api/v1/audit
        GET /api/v1/audit/check
        POST /api/v1/companies
        DELETE /api/v1/companies/{company}
        POST /api/v1/conferences
        PATCH DELETE /api/v1/conferences/{conference}
        PATCH /api/v1/fair
        POST /api/v1/fair/privacy
        PUT /api/v1/companies/{company}/staff/{person}
        POST GET /api/v1/imports
        GET DELETE /api/v1/imports/{id}
        GET /api/v1/imports/{id}/errors
        GET /api/v1/imports/{id}/file
        GET /api/v1/mails
        POST /api/v1/mails/{id}/again
        GET /api/v1/people
        GET PATCH DELETE /api/v1/people/{id}
        GET /api/v1/people/{id}/export
        POST /api/v1/people/{id}/identity:reveal
        POST /api/v1/slots
        PATCH DELETE /api/v1/slots/{id}
        GET POST /api/v1/webhooks
        GET PATCH DELETE /api/v1/webhooks/{id}
        GET /api/v1/webhooks/{id}/deliveries
        POST /api/v1/webhooks/{id}/deliveries/{delivery}/replay
        POST /api/v1/webhooks/{id}/rotate
        POST /api/v1/webhooks/{id}/test
        GET /organise
        GET POST /organise/announcements
        POST /organise/announcements/{announcement}/withdraw
        GET /organise/attendance
        GET /organise/attendance/sheet
        GET POST /organise/audit
        GET /organise/companies
        GET POST /organise/companies/new
        GET /organise/companies/{company}
        POST /organise/companies/{company}/publish
        POST /organise/companies/{company}/staff
        POST /organise/companies/{company}/staff/{person}/remove
        POST /organise/companies/{company}/unpublish
        GET POST /organise/import
        GET /organise/import/template/{kind}.{format}
        GET /organise/import/{job}
        POST /organise/import/{job}/cancel
        GET /organise/import/{job}/errors.{format}
        GET /organise/import/{job}/now.json
        POST /organise/import/{job}/start
        GET /organise/mail
        POST /organise/mail/{mail}/again
        GET POST /organise/onsite
        POST /organise/onsite/{slot}
        POST /organise/onsite/{slot}/delete
        GET /organise/people
        GET /organise/people/{person}
        POST /organise/people/{person}/block
        POST /organise/people/{person}/erase
        POST /organise/people/{person}/export
        POST /organise/people/{person}/mail
        POST /organise/people/{person}/reveal
        POST /organise/people/{person}/role
        POST /organise/people/{person}/signout
        POST /organise/people/{person}/unblock
        POST /organise/people/{person}/verify
        GET /organise/programme
        GET POST /organise/programme/new
        GET POST /organise/programme/{slug}
        POST /organise/programme/{slug}/cancel
        POST /organise/programme/{slug}/restore
        GET /organise/rooms
        GET POST /organise/rooms/bulk
        GET POST /organise/rooms/new
        GET POST /organise/settings
        GET POST /organise/settings/privacy
        GET POST /organise/settings/sectors
        GET POST /organise/webhooks
        GET POST /organise/webhooks/{webhook}
        POST /organise/webhooks/{webhook}/deliveries/{delivery}/replay
        POST /organise/webhooks/{webhook}/rotate
        POST /organise/webhooks/{webhook}/{act}
    """,
}
#: Modules of hub.web whose routes are in the matrix of ``test_routes_talks``.
OWN = ("talks", "negotiation", "organise.negotiations", "appointments", "meet", "company_day",
       "rings", "results", "organise.results")  # fmt: skip
#: Who tries what is for others, and who tries what is for them.
OTHERS = {
    "everybody": (), "account": ("nobody",), "staff": ("nobody", "visitor", "moderator"),
    "editor": ("nobody", "visitor", "staff", "moderator"),
    "owner": ("nobody", "visitor", "staff", "editor", "moderator"),
    "gate": ("nobody", "visitor", "owner"), "moderator": ("nobody", "visitor", "gate"),
    "organiser": ("nobody", "visitor", "gate", "moderator"),
}  # fmt: skip
THEIRS = {"everybody": "nobody", "account": "visitor"}
#: Where whom it is for is refused too: without a ticket, a picture, a pass, a number, a name.
UNASKED = {
    "/gate/frame", "/live", "/news", "/me/pass.png", "/me/pass.pdf", "/api/v1/me/pass",
    "/organise/people/{person}/reveal", "/organise/attendance/sheet", "/signin/{token}",
    "/verify/{token}",
}  # fmt: skip


def routes(site: Hub) -> Iterator[tuple[str, str, str]]:
    """(module, method, path) of each route."""
    assert site.app is not None
    for route in site.app.router.routes():
        info = route.resource.get_info() if route.resource is not None else {}
        path = info.get("path") or info.get("formatter")
        if path is not None and route.method != "HEAD":
            yield route.handler.__module__.removeprefix("hub.web."), route.method, str(path)


def rows() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for who, lines in MATRIX.items():
        for line in lines.split("\n"):
            *methods, path = line.split() or [""]
            for method in methods:
                assert found.setdefault((method, path), who) == who, (method, path)
    return found


def test_every_route_is_in_a_matrix(site_routes: list[tuple[str, str, str]]) -> None:
    known = rows()
    missing = [
        (module, method, path)
        for module, method, path in site_routes
        if not module.startswith(OWN) and (method, path) not in known
    ]
    assert missing == [], "say in MATRIX whom these are for"
    assert {(method, path) for _, method, path in site_routes} >= set(known), "no such route"


@pytest.fixture
async def site_routes(site: Hub) -> list[tuple[str, str, str]]:
    return list(routes(site))


@pytest.fixture
async def cast(site: Hub) -> AsyncIterator[dict[str, Person]]:
    """One of each, and what the paths are about."""
    async with AsyncExitStack() as stack:
        fair = Fair(site, stack)
        await fair.company()
        await site.room(slug="hall-a")
        await site.api("POST", "/conferences", {
            "slug": "opening", "room": "hall-a", "title": "Opening", "sector": "business",
            "starts_at": "2030-01-01T10:00:00Z", "ends_at": "2030-01-01T11:00:00Z",
        })  # fmt: skip
        found = {"nobody": await fair.nobody()}
        for name in ("visitor", "gate", "staff", "editor", "owner"):
            found[name] = await fair.person(name.title())
        await site.services.fair.people.appoint(found["gate"].id, gate=True)
        for role in ("staff", "editor", "owner"):
            await fair.companies.set_staff("pearl", found[role].id, role, None, True)
        for role in (Role.MODERATOR, Role.ORGANISER):
            found[role.value] = await fair.nobody()
            found[role.value].csrf = await found[role.value].hub.sign_in(role)
        yield found


async def ask(who: Person, method: str, path: str) -> tuple[int, str]:
    """(status, where to) of the route, asked for with nothing in it."""
    if path.startswith("/api/v1"):
        answer: Any = await who.api(method, path[7:], None if method == "GET" else {})
    elif method == "GET":
        answer = await who.get(path)
    else:
        answer = await who.post(path)
    return answer.status, answer.headers.get("Location", "")


def refused(path: str, status: int, where: str) -> bool:
    if path.startswith("/api/v1"):
        return status in {401, 403, 404}
    return status == 404 or (status == 303 and where.startswith("/login?next="))


async def test_each_row_of_the_matrix(site: Hub, cast: dict[str, Person]) -> None:
    other = await site.services.fair.people.create(
        Registration("Other", "other@example.org", "", "DE", 1), verified=True
    )
    assert other is not None
    names = {
        "company": "pearl", "conference": "opening", "slug": "opening", "room": "hall-a",
        "person": other.id, "format": "csv", "kind": "people",
    }  # fmt: skip
    wrong = []
    # What takes things away comes last, the room and the company with it.
    for (method, path), who in sorted(rows().items(), key=lambda row: (row[0][0] == "DELETE", row)):
        real = re.sub(r"\{(\w+)[^}]*\}", lambda found: names.get(found[1], "none"), path)
        for one in OTHERS[who]:
            status, where = await ask(cast[one], method, real)
            if not refused(path, status, where):
                wrong.append((one, "is not refused", method, path, status))
        status, where = await ask(cast[THEIRS.get(who, who)], method, real)
        let_in = status < 500 and (who == "everybody" or status not in {401, 403})
        known = all(name in names for name in re.findall(r"\{(\w+)", path))
        if method == "GET" and known:
            let_in = let_in and (status == 200 or (who in THEIRS and status < 400))
        if path not in UNASKED and (not let_in or where.startswith("/login?next=")):
            wrong.append((who, "is refused", method, path, status))
    assert not wrong, "\n".join(map(str, wrong))
