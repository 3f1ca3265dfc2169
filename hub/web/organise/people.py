"""/organise/people: find a person among all, and decide about one."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from hub.ports import WebSession
from hub.ports.onsite import OnsiteRefused
from hub.ports.people import PeopleFilter, PersonRecord
from hub.services import Services
from hub.web import countries, form_texts
from hub.web.audits import audit
from hub.web.bodies import Note
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.organise.common import first_page, locale_of, next_page, organiser, render, see
from rooms.model import PERSON_ID, Role

ROLES: Final = ("participant", "moderator", "organiser")
PAGE: Final = 50
Q_MAX: Final = 100
REASON_MIN: Final = 5  # characters
PATH: Final = "/organise/people"


def _(text: str) -> str:
    return text


form_texts.add(
    {
        ("role", "yourself"): _("You cannot take your own role away. Another organiser can."),
        ("reason", "missing"): _("Say why. It is kept in the audit log."),
        ("reason", "too_short"): _("Say why, in a few words. It is kept in the audit log."),
        ("confirm", "wrong_name"): _("Type the name exactly as it stands above."),
        ("confirm", "yourself"): _("You cannot erase yourself here. Use your account page."),
    }
)


class RoleForm(FormModel):
    role: Literal["participant", "moderator", "organiser"]
    gate: bool = False


def _words(value: str) -> str:
    if len(value) < REASON_MIN:
        raise PydanticCustomError("too_short", "a few words are expected")
    return value


class ReasonForm(FormModel):
    reason: Annotated[Note, AfterValidator(_words)]


class EraseForm(FormModel):
    confirm: str = ""


def _picked(request: web.Request, name: str, allowed: Any) -> str | None:
    value = request.query.get(name, "")
    return value if value in allowed else None


async def listing(request: web.Request) -> web.Response:
    services, _session = await organiser(request)
    settings = await services.fair.settings.current()
    locale = locale_of(request)
    listed = countries.listed(locale)
    q = request.query.get("q", "")[:Q_MAX]
    state = _picked(request, "state", ("blocked", "unverified", "verified"))
    where = PeopleFilter(
        country=_picked(request, "country", countries.codes()),
        role=_picked(request, "role", ROLES),
        sector=_picked(request, "sector", {sector.slug for sector in settings.sectors}),
        blocked=True if state == "blocked" else None,
        verified={"verified": True, "unverified": False}.get(state or ""),
    )
    try:
        people, following = await services.fair.people.search(
            q, where, request.query.get("cursor"), PAGE
        )
    except ValueError:
        raise web.HTTPBadRequest() from None
    return await render(
        request, "people", people=people, q=q, where=where, state=state or "",
        countries=listed, names=dict(listed),
        settings=settings, total=await services.fair.people.count(),
        filtered=bool(q or state or any((where.country, where.role, where.sector))),
        following=next_page(request, following), first=first_page(request),
    )  # fmt: skip


async def _person(request: web.Request) -> tuple[Services, WebSession, PersonRecord]:
    """Raises HTTPNotFound for an erased person as for one that never was."""
    services, session = await organiser(request)
    key = request.match_info["person"]
    person = await services.fair.people.get(key) if PERSON_ID.fullmatch(key) else None
    if person is None or person.erased_ms is not None:
        raise web.HTTPNotFound()
    return services, session, person


async def _page(
    request: web.Request, services: Services, person: PersonRecord, form: Form[Any] | None = None,
    **more: Any,
) -> web.Response:  # fmt: skip
    session = await services.fair.people.sessions(person.id)
    form = form or shown({"role": person.role.value, "gate": person.gate})
    return await render(
        request, "person", person=person, form=form, sessions=session,
        names=dict(countries.listed(locale_of(request))),
        settings=await services.fair.settings.current(),
        identity=await services.fair.passes.identity(person.id),
        entry=await services.fair.passes.mine(person.id),
        status=422 if form.errors else 200, **{"number": None, **more},
    )  # fmt: skip


async def one(request: web.Request) -> web.Response:
    services, _session, person = await _person(request)
    return await _page(request, services, person)


def _back(person: PersonRecord, done: str) -> web.HTTPException:
    return see(f"{PATH}/{person.id}", done)


async def appoint(request: web.Request) -> web.Response:
    services, session, person = await _person(request)
    form = await read_form(request, RoleForm)
    data = form.data
    if data is not None and person.id == session.identity.id and data.role != "organiser":
        form.refuse("role", "yourself")
    if data is None or form.data is None:
        return await _page(request, services, person, form)
    await services.fair.people.appoint(person.id, role=Role(data.role), gate=data.gate)
    detail = {"role": data.role, "before": person.role.value, "gate": data.gate}
    await audit(request, session.identity, "person.role", f"person:{person.id}", detail)
    raise _back(person, "role")


async def block(request: web.Request) -> web.Response:
    """Blocks, or lifts a block: the last part of the path says which."""
    services, session, person = await _person(request)
    await read_form(request, FormModel)
    blocked = request.path.endswith("/block")
    if blocked and person.id == session.identity.id:
        form: Form[Any] = shown({"role": person.role.value, "gate": person.gate})
        return await _page(request, services, person, form.refuse("role", "yourself"))
    await services.fair.people.appoint(person.id, blocked=blocked)
    act = "person.block" if blocked else "person.unblock"
    await audit(request, session.identity, act, f"person:{person.id}", {})
    raise _back(person, "blocked" if blocked else "unblocked")


async def sign_out(request: web.Request) -> web.Response:
    services, session, person = await _person(request)
    await read_form(request, FormModel)
    keep = session.id if person.id == session.identity.id else ""
    ended = await services.fair.people.revoke_all(person.id, keep)
    await audit(
        request, session.identity, "person.signout", f"person:{person.id}", {"ended": ended}
    )
    raise _back(person, "signed_out")


async def mail_link(request: web.Request) -> web.Response:
    """A link that sets a password and proves the address, for who lost the first mail."""
    services, session, person = await _person(request)
    await read_form(request, FormModel)
    if person.email is not None:
        await services.fair.people.ask_reset(person.email)
        await audit(request, session.identity, "person.mail_link", f"person:{person.id}", {})
    raise _back(person, "mailed")


async def verify_link(request: web.Request) -> web.Response:
    """The link that proves the address, once more."""
    services, session, person = await _person(request)
    await read_form(request, FormModel)
    if not await services.fair.people.ask_verify(person.id):
        raise _back(person, "")
    await audit(request, session.identity, "person.verify_link", f"person:{person.id}", {})
    raise _back(person, "sent")


async def export(request: web.Request) -> web.Response:
    services, session, person = await _person(request)
    await read_form(request, FormModel)
    data = await services.fair.people.export(person.id)
    if data is None:
        raise web.HTTPNotFound()
    await audit(request, session.identity, "person.export", f"person:{person.id}", {})
    return web.json_response(
        data,
        dumps=lambda value: json.dumps(value, ensure_ascii=False, indent=2),
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{person.id}.json"',
        },
    )


async def erase(request: web.Request) -> web.Response:
    services, session, person = await _person(request)
    form = await read_form(request, EraseForm)
    if person.id == session.identity.id:
        form.refuse("confirm", "yourself")
    elif form.data is not None and form.data.confirm != person.name:
        form.refuse("confirm", "wrong_name")
    if form.data is None:
        return await _page(request, services, person, form)
    # Recorded first: what was erased must not lack its record because a hub died in between.
    await services.fair.audit.record(
        session.identity, "person.erase", f"person:{person.id}", {}, request.remote, strict=True
    )
    await services.fair.passes.forget(person.id)
    await services.fair.people.erase(person.id)
    raise see(PATH, "erased")


async def reveal(request: web.Request) -> web.Response:
    """Shown once, in the answer to this form: the number is in no address and no cache."""
    services, session, person = await _person(request)
    form = await read_form(request, ReasonForm)
    if form.data is None:
        return await _page(request, services, person, form)
    await services.fair.audit.record(
        session.identity, "identity.reveal", f"person:{person.id}",
        {"reason": form.data.reason}, request.remote, strict=True,
    )  # fmt: skip
    try:
        number = await services.fair.passes.reveal(person.id, session.identity)
    except OnsiteRefused:
        raise _back(person, "no_number") from None
    return await _page(request, services, person, number=number)


def setup(app: web.Application) -> None:
    app.router.add_get(PATH, listing)
    app.router.add_get(f"{PATH}/{{person}}", one)
    for name, handler in (
        ("role", appoint), ("block", block), ("unblock", block), ("signout", sign_out),
        ("mail", mail_link), ("verify", verify_link), ("export", export), ("erase", erase),
        ("reveal", reveal),
    ):  # fmt: skip
        app.router.add_post(f"{PATH}/{{person}}/{name}", handler)
