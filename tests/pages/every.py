"""Every page that people see without being in a room, as whom, and a fair in which each has
something to show. For screenshots (of the sample fair) and for axe-core (of an empty one)."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine, transaction
from hub.fair.tables import company_staff, conferences, people
from rooms.appointments import State
from rooms.model import Identity, Role
from tests.pages.business import Business
from tests.pages.past import let_pass
from tests.pages.serving import Fair

STATIC = Path(__file__).parents[2] / "static"
#: name of the page, its path, and who looks at it
PAGES: tuple[tuple[str, str, str], ...] = (
    ("home", "/", "nobody"),
    ("programme", "/programme?whole=1", "nobody"),
    ("conference", "/programme/{conference}", "visitor"),
    ("companies", "/companies", "nobody"),
    ("companies-none", "/companies?q=qqqq", "nobody"),
    ("company", "/companies/{company}", "visitor"),
    ("register", "/register", "nobody"),
    ("login", "/login", "nobody"),
    ("reset", "/reset", "nobody"),
    ("missing", "/no-such-page", "nobody"),
    ("results", "/results", "nobody"),
    ("result", "/results/{released}", "nobody"),
    ("talk-unknown", "/negotiations/n-none", "nobody"),
    ("me", "/me", "visitor"),
    ("me-privacy", "/me/privacy", "visitor"),
    ("me-security", "/me/security", "visitor"),
    ("me-data", "/me/data", "visitor"),
    ("agenda", "/me/agenda", "visitor"),
    ("favourites", "/me/favourites", "visitor"),
    ("pass", "/me/pass", "visitor"),
    ("meet", "/companies/{company}/meet?day={day}", "visitor"),
    ("appointments", "/me/appointments", "visitor"),
    ("invitation", "/invitations/{secret}", "visitor"),
    ("invitation-used", "/invitations/x.y", "visitor"),
    ("talk-results", "/negotiations/{talk}/result", "visitor"),
    ("result-confirming", "/results/{confirming}", "visitor"),
    ("talk", "/negotiations/{talk}", "visitor"),
    ("pass-booking", "/me/pass", "exhibitor"),
    ("my-companies", "/me/companies", "exhibitor"),
    ("company-edit", "/companies/{company}/edit", "exhibitor"),
    ("company-staff", "/companies/{company}/staff", "exhibitor"),
    ("company-cards", "/companies/{company}/cards", "exhibitor"),
    ("company-visitors", "/companies/{company}/visitors", "exhibitor"),
    ("company-day", "/companies/{company}/day?day={day}", "exhibitor"),
    ("company-today", "/companies/{company}/day", "exhibitor"),
    ("company-slots", "/companies/{company}/slots", "exhibitor"),
    ("company-slot", "/companies/{company}/slots/{slot}", "exhibitor"),
    ("company-round", "/companies/{company}/round", "exhibitor"),
    ("talk-result-new", "/negotiations/{talk}/result/new", "exhibitor"),
    ("talk-result", "/negotiations/{talk}/result/{draft}", "exhibitor"),
    ("gate", "/gate", "organiser"),
    ("gate-desk", "/gate/desk", "organiser"),
    ("glance", "/organise", "organiser"),
    ("settings", "/organise/settings", "organiser"),
    ("sectors", "/organise/settings/sectors", "organiser"),
    ("privacy", "/organise/settings/privacy", "organiser"),
    ("people", "/organise/people", "organiser"),
    ("person", "/organise/people/{person}", "organiser"),
    ("organise-companies", "/organise/companies", "organiser"),
    ("organise-company-new", "/organise/companies/new", "organiser"),
    ("organise-company", "/organise/companies/{company}", "organiser"),
    ("organise-programme", "/organise/programme", "organiser"),
    ("organise-conference-new", "/organise/programme/new", "organiser"),
    ("organise-conference", "/organise/programme/{conference}", "organiser"),
    ("rooms", "/organise/rooms", "organiser"),
    ("room-new", "/organise/rooms/new", "organiser"),
    ("rooms-bulk", "/organise/rooms/bulk", "organiser"),
    ("onsite", "/organise/onsite", "organiser"),
    ("import", "/organise/import", "organiser"),
    ("import-job", "/organise/import/{job}", "organiser"),
    ("announcements", "/organise/announcements", "organiser"),
    ("attendance", "/organise/attendance?conference={conference}", "organiser"),
    ("audit", "/organise/audit", "organiser"),
    ("webhooks", "/organise/webhooks", "organiser"),
    ("webhook", "/organise/webhooks/{webhook}", "organiser"),
    ("mail", "/organise/mail", "organiser"),
    ("organise-talks", "/organise/negotiations", "organiser"),
    ("organise-talk", "/organise/negotiations/{talk}", "organiser"),
    ("organise-talks-new", "/organise/negotiations/new", "organiser"),
    ("organise-results", "/organise/results", "organiser"),
    ("organise-results-published", "/organise/results?tab=published", "organiser"),
    ("organise-result", "/organise/results/{ready}", "organiser"),
    ("organise-result-new", "/organise/results/new", "organiser"),
    ("organise-result-edit", "/organise/results/{released}/edit", "organiser"),
)
#: Pages that say that there is nothing, or no more.
NOT_FOUND = frozenset({"missing", "talk-unknown", "invitation-used"})
#: Pages with a script of their own say so when it has begun.
SCRIPTED = re.findall(
    r"^  (\w+): \(\) => import", (STATIC / "js" / "main.js").read_text(), flags=re.MULTILINE
)
READY = f"""() => document.documentElement.dataset.ready !== undefined
  || !{json.dumps(SCRIPTED)}.includes(document.body.dataset.page)"""
PEOPLE = ("visitor", "exhibitor")
PASSPORT = {"kind": "passport", "country": "DE", "number": "C01X00T47", "consent": True}
SHEET = (
    "Name,E-mail,Country\r\nJonas Weber,jonas.weber@example.com,DE\r\n"
    "陈思远,siyuan.chen@example.com,CN\r\nNobody,nobody at example,CN\r\n"
    "Aiko Tanaka,aiko.tanaka@example.com,??\r\n"
)


@dataclass(frozen=True, slots=True)
class Furnished:
    """``cookies``: value by person. ``names``: what the paths of PAGES hold."""

    cookies: dict[str, str]
    names: dict[str, str]


class Furnisher:
    """Works on the running fair's own database for accounts, and by its API for the rest."""

    def __init__(self, fair: Fair) -> None:
        self._fair = fair
        self._ids: dict[str, str] = {}
        self._signed: dict[str, tuple[str, str]] = {}  # cookie, CSRF token
        self._passing: dict[State, str] = {}

    async def furnish(self) -> Furnished:
        data = self._fair.log.parent / "data"
        engine = make_engine(f"sqlite+aiosqlite:///{data / 'pavilion.sqlite'}")
        try:
            for who in PEOPLE:
                await self._account(engine, who)
            # An account with this role asks for a second proof; the one-use link is one.
            link = await SqlDirectory(engine).create_signin_link(Role.ORGANISER)
            signed = await asyncio.to_thread(self._follow, link)
            self._signed["organiser"] = (signed, "")
            company = await self._company(engine)
            conference = await self._conference(engine)
            names = {"company": company, "conference": conference, "person": self._ids["visitor"]}
            names |= await asyncio.to_thread(self._acts, company, conference)
            await let_pass(engine, self._passing, self._ids)
        finally:
            await engine.dispose()
        return Furnished({who: cookie for who, (cookie, _) in self._signed.items()}, names)

    async def _account(self, engine: AsyncEngine, who: str) -> None:
        """As the sample fair has it, else a new one; signed in."""
        email = f"{who}@example.com"
        row = {
            "id": f"u_{secrets.token_hex(8)}", "name": f"{who.title()} 王芳", "email": email,
            "email_key": email, "country": "CN", "sectors": ["finance"], "languages": ["en"],
            "language": "en", "role": "participant", "gate": False, "listed": True,
            "shows": {}, "privacy_version": 1, "consent_ms": 1, "verified_ms": 1,
            "totp_on": False, "totp_step": 0, "source": "web", "blocked": False, "created_ms": 1,
            "changed_ms": 1, "version": 1,
        }  # fmt: skip
        async with transaction(engine) as connection:
            known = sa.select(people.c.id, people.c.name).where(people.c.email_key == email)
            found = (await connection.execute(known)).one_or_none()
            if found is None:
                await connection.execute(sa.insert(people).values(row))
        id, name = (row["id"], row["name"]) if found is None else (found.id, found.name)
        identity = Identity(id=str(id), name=str(name), role=Role.PARTICIPANT)
        cookie, session = await SqlDirectory(engine).open_session(identity, 3600)
        self._ids[who], self._signed[who] = str(id), (cookie, session.csrf)

    async def _company(self, engine: AsyncEngine) -> str:
        """One where the exhibitor is owner."""
        query = sa.select(company_staff.c.company).where(
            company_staff.c.person == self._ids["exhibitor"]
        )
        async with transaction(engine) as connection:
            slug = (await connection.execute(query.limit(1))).scalar_one_or_none()
        if slug is None:
            slug = f"c-{secrets.token_hex(4)}"
            self._call("POST", "/companies", {
                "slug": slug, "name": "Pearl River Robotics", "sector": "finance", "country": "CN",
                "names": {"zh-Hans": "珠江机器人有限公司"}, "published": True,
                "about": {"en": "Robots for ports.", "zh-Hans": "港口机器人。"},
            })  # fmt: skip
            person = self._ids["exhibitor"]
            self._call("PUT", f"/companies/{slug}/staff/{person}", {"role": "owner"})
        return str(slug)

    async def _conference(self, engine: AsyncEngine) -> str:
        now = datetime.now(UTC)
        query = sa.select(conferences.c.slug).where(
            conferences.c.starts_ms > now.timestamp() * 1000
        )
        async with transaction(engine) as connection:
            ordered = query.order_by(conferences.c.starts_ms).limit(1)
            slug = (await connection.execute(ordered)).scalar_one_or_none()
        if slug is None:
            slug, start = f"k-{secrets.token_hex(4)}", now + timedelta(hours=30)
            self._call("POST", "/conferences", {
                "slug": slug, "room": self._fair.room(), "title": "Green ports 绿色港口",
                "sector": "finance", "starts_at": start.isoformat(),
                "ends_at": (start + timedelta(hours=1)).isoformat(),
            })  # fmt: skip
        return str(slug)

    def _acts(self, company: str, conference: str) -> dict[str, str]:
        """What people and the organiser did before the pages are looked at."""
        self._as("visitor", "PUT", f"/me/favourites/{company}")
        self._as(
            "visitor", "PUT", f"/me/cards/{company}", {"note": "Please send a price list. 谢谢！"}
        )
        self._as("visitor", "PUT", f"/me/agenda/{conference}")
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        slots = self._call("GET", "/slots")["items"]
        if not slots:
            for hours in (26, 28, 30):
                at = now + timedelta(hours=hours)
                ends = (at + timedelta(hours=2)).isoformat()
                body = {"starts_at": at.isoformat(), "ends_at": ends, "capacity": 3}
                slots.append(self._call("POST", "/slots", body))
        booking = {"slot": slots[-1]["id"], "identity": PASSPORT}
        self._as("visitor", "PUT", "/me/pass", booking)
        self._call("POST", "/announcements", {
            "texts": {"en": "Hall 3 opens at ten.", "zh-Hans": "三号馆十点开放。"},
            "audience": {"countries": ["IS"]},
            "until": (now + timedelta(hours=9)).isoformat(),
        })  # fmt: skip
        hook = {"url": "https://hooks.example.com/pavilion", "kinds": []}
        webhook = self._call("POST", "/webhooks", hook)
        business = Business(self._as, self._call, self._ids, company)
        made = business.furnish()
        self._passing = business.passing
        return {"webhook": webhook["id"], "job": self._import(), **made}

    def _import(self) -> str:
        status, answer = self._request(
            "POST", "/imports?kind=people&filename=guests.csv&dry_run=true", SHEET.encode(),
            {"Authorization": f"Bearer {self._fair.key}", "Content-Type": "text/csv"},
        )  # fmt: skip
        assert status in {201, 202}, answer
        return str(answer["id"])

    # --- calls ---

    def _follow(self, link: str) -> str:
        """The cookie that a sign-in link gives."""
        with socket.create_connection(("127.0.0.1", self._fair.port), timeout=20) as sock:
            lines = (
                f"POST /signin/{link} HTTP/1.1", f"Host: 127.0.0.1:{self._fair.port}",
                f"Origin: {self._fair.url}", "Content-Length: 0", "Connection: close", "", "",
            )  # fmt: skip
            sock.sendall("\r\n".join(lines).encode())
            answer = sock.makefile("rb").read().decode()
        found = re.search(r"^set-cookie: pavilion=([^;\r]+)", answer, re.IGNORECASE | re.MULTILINE)
        assert found, answer[:400]
        return found[1]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        status, answer, _ = self._fair.call(method, path, body)
        assert status < 300, (method, path, status, answer)
        return answer

    def _as(self, who: str, method: str, path: str, body: Any = None) -> Any:
        cookie, csrf = self._signed[who]
        headers = {
            "Cookie": f"pavilion={cookie}", "X-CSRF-Token": csrf, "Origin": self._fair.url,
            "Content-Type": "application/json",
        }  # fmt: skip
        data = None if body is None else json.dumps(body).encode()
        status, answer = self._request(method, path, data, headers)
        assert status < 300, (method, path, status, answer)
        return answer

    def _request(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self._fair.url}/api/v1{path}", method=method, data=data, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
