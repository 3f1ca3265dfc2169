"""Pages of the on-site part.

    /me/pass       choose a slot, enter the number, the pass; .png and .pdf of it
    /gate          scan and admit (works by a plain form too); /gate/frame reads a picture
    /gate/desk     register a visitor; /gate/people/{id}/pass.pdf prints their badge
    /organise/onsite   slots

The number is a SecretStr of a form: it is never shown again, on no page and in no fault.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import web
from markupsafe import Markup
from pydantic import Field, SecretStr

from hub.ports import WebSession
from hub.ports.onsite import BadDocument, Document, OnsiteRefused, Pass, Verdict
from hub.services import SERVICES, Services
from hub.web import countries, i18n, onsite, onsite_texts, pass_print
from hub.web.auth import CSRF_HEADER, check_csrf, need_person
from hub.web.bodies import Name, read_bytes
from hub.web.fairtime import FairTime
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.frames import FRAME_BYTES_MAX, BadFrame, FrameBusy, Frames
from hub.web.i18n import Language
from hub.web.onsite_texts import KINDS
from hub.web.pages import PAGES
from rooms.errors import Code, Refusal

SLOTS_MAX: Final = 400  # on one page
SLOT_ID: Final = r"^[a-z0-9]{1,32}$"
RETENTION_EVERY_S: Final = 3600
FRAMES: Final = web.AppKey("frames", Frames)
_NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
#: Refusals of a booking that are about the number; the others are about the slot.
_ABOUT_NUMBER: Final = {"identity_needed": "missing", "number_taken": "number_taken"}


class PassForm(FormModel):
    slot: str = Field(pattern=SLOT_ID)
    kind: str = Field("resident_id", max_length=16)
    country: str = Field("CN", max_length=2)
    number: SecretStr | None = Field(None, max_length=64)
    consent: bool = False


class DeskForm(FormModel):
    name: Name
    country: str = Field(max_length=2)
    kind: str = Field(max_length=16)
    issued: str = Field("CN", max_length=2)
    number: SecretStr = Field(max_length=64)
    consent: bool = False
    slot: str | None = Field(None, pattern=SLOT_ID)


class GateForm(FormModel):
    code: str = Field("", max_length=200)


def language_of(request: web.Request) -> Language:
    return request.app[PAGES].languages[i18n.language_of(request)]


def back_to(path: str) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(path, headers={"Cache-Control": "no-store"})


def document_choices(language: Language) -> dict[str, Any]:
    return {
        "kinds": [(kind, language.text(text)) for kind, text in KINDS.items()],
        "countries": countries.listed(language.locale),
    }


# --- a person's own pass ------------------------------------------------------------------------


async def _pass_page(
    request: web.Request, session: WebSession, form: Form[Any], status: int = 200
) -> web.Response:
    services = request.app[SERVICES]
    language, zone = language_of(request), await onsite.zone_of(request)
    of_fair = FairTime(zone, language.locale)
    passes, now = services.fair.passes, onsite.now_ms()
    held = await passes.mine(session.identity.id)
    kept = await passes.identity(session.identity.id)
    slots, _ = await passes.slots(after_ms=now, limit=SLOTS_MAX)
    values: dict[str, Any] = {"held": None}
    if held is not None:
        values = {
            "held": held,
            "held_slot": onsite_texts.slot_view(held.slot, language, zone, now),
            "grouped": pass_print.grouped(held.code),
            "qr": Markup(pass_print.svg(held.code, language.text("QR code of your pass"))),
            "first": held.entered_ms and of_fair.clock(held.entered_ms),
        }
    return await request.app[PAGES].render(
        request, "pass.html", status=status, form=form, zone=str(zone),
        kept=kept if kept is not None and not kept.erased else None,
        number=onsite_texts.number_text(kept, language),
        days=onsite_texts.by_day(slots, language, zone, now),
        grace=services.config.onsite.grace_min, retention=services.config.onsite.retention_days,
        **document_choices(language), **values,
    )  # fmt: skip


async def show_pass(request: web.Request) -> web.Response:
    session = await need_person(request)
    return await _pass_page(request, session, shown({"kind": "resident_id", "country": "CN"}))


async def book(request: web.Request) -> web.Response:
    session = await need_person(request)
    form = await read_form(request, PassForm)
    data = form.data
    if data is not None:
        document = None
        if data.number is not None:
            number = data.number.get_secret_value()
            document = Document(data.kind, data.country, number, data.consent)
        try:
            onsite.check_issuer(document)
            if document is not None:
                await onsite.count_number(request, session.identity.id)
            await request.app[SERVICES].fair.passes.book(
                session.identity.id, data.slot, await onsite.zone_of(request), document
            )
        except Refusal as refusal:
            if refusal.code is not Code.RATE_LIMITED:
                raise
            form.refuse("number", "rate_limited")
        except BadDocument as bad:
            form.refuse(bad.field, bad.code)
            if not data.consent:
                form.refuse("consent", "missing")
        except OnsiteRefused as refused:
            about = _ABOUT_NUMBER.get(refused.code)
            form.refuse("number" if about else "slot", about or refused.code)
        else:
            raise back_to("/me/pass")
    return await _pass_page(request, session, form, 422)


async def cancel(request: web.Request) -> web.Response:
    session = await need_person(request)
    form = await read_form(request, FormModel)
    try:
        await request.app[SERVICES].fair.passes.cancel(session.identity.id)
    except OnsiteRefused as refused:
        return await _pass_page(request, session, form.refuse("slot", refused.code), 409)
    raise back_to("/me/pass")


async def erase_number(request: web.Request) -> web.Response:
    """Takes the consent back; a pass still to be used goes with it."""
    session = await need_person(request)
    await read_form(request, FormModel)
    await request.app[SERVICES].fair.passes.forget(session.identity.id)
    raise back_to("/me/pass")


async def _own(request: web.Request) -> Pass:
    session = await need_person(request)
    held = await request.app[SERVICES].fair.passes.mine(session.identity.id)
    if held is None:
        raise web.HTTPNotFound()
    return held


async def pass_png(request: web.Request) -> web.Response:
    held = await _own(request)
    body = pass_print.png(held.code)
    return web.Response(body=body, content_type="image/png", headers=_file("pass.png"))


def _file(name: str) -> dict[str, str]:
    return {**_NO_STORE, "Content-Disposition": f'inline; filename="{name}"'}


async def _pdf(request: web.Request, held: Pass) -> web.Response:
    services = request.app[SERVICES]
    language, zone = language_of(request), await onsite.zone_of(request)
    settings = await services.fair.settings.current()
    slot = onsite_texts.slot_view(held.slot, language, zone, onsite.now_ms())
    kept = await services.fair.passes.identity(held.person)
    badge = pass_print.Badge(
        fair=settings.name_in(language.tag),
        title=language.text("Entry pass"),
        name=held.name,
        day=slot.day,
        time=slot.time,
        zone=str(zone),
        number=onsite_texts.number_text(kept, language),
        code=held.code,
        rules=(
            language.text("Bring the document you registered: the gate may ask to see it."),
            language.text("The pass lets one person in, once. Show it to nobody but the gate."),
        ),
    )
    body = pass_print.pdf(badge)
    return web.Response(body=body, content_type="application/pdf", headers=_file("pass.pdf"))


async def pass_pdf(request: web.Request) -> web.Response:
    return await _pdf(request, await _own(request))


# --- the gate -----------------------------------------------------------------------------------


async def _gate_page(
    request: web.Request, verdict: Verdict | None = None, status: int = 200
) -> web.Response:
    language, zone = language_of(request), await onsite.zone_of(request)
    of_fair = FairTime(zone, language.locale)
    passes = request.app[SERVICES].fair.passes
    today = await passes.entered_since(onsite.midnight_ms(onsite.now_ms(), zone))
    return await request.app[PAGES].render(
        request, "gate.html", status=status, verdict=verdict, today=today,
        lines=await passes.lines(10), zone=str(zone),
        clock=of_fair.clock, day=lambda ms: of_fair.day(of_fair.day_of(ms)),
    )  # fmt: skip


async def show_gate(request: web.Request) -> web.Response:
    await onsite.need_gate_page(request)
    return await _gate_page(request)


async def use_gate(request: web.Request) -> web.Response:
    """Without scripts: the form answers with the page. A reload asks the browser's question
    and then reads as a second entry, which it is."""
    by = await onsite.need_gate_page(request)
    form = await read_form(request, GateForm)
    if form.data is None or not form.data.code:
        return await _gate_page(request)
    verdict, _ = await onsite.admit(request, by, form.data.code, None, None)
    return await _gate_page(request, verdict)


async def frame(request: web.Request) -> web.Response:
    """A picture in, ``{"code": text or null}`` out. Nothing of it is kept."""
    await onsite.need_gate_page(request)
    session = await need_person(request)
    check_csrf(request, session, request.headers.get(CSRF_HEADER, ""))
    body = await read_bytes(request, FRAME_BYTES_MAX)
    status, code = 200, None
    try:
        code = await request.app[FRAMES].read(body)
    except BadFrame:
        status = 422
    except FrameBusy:
        status = 503
    return web.json_response({"code": code}, status=status, headers=_NO_STORE)


# --- the desk -----------------------------------------------------------------------------------


async def _desk_page(
    request: web.Request, form: Form[Any], status: int = 200, **values: Any
) -> web.Response:
    language, zone = language_of(request), await onsite.zone_of(request)
    now = onsite.now_ms()
    slots, _ = await request.app[SERVICES].fair.passes.slots(after_ms=now, limit=SLOTS_MAX)
    return await request.app[PAGES].render(
        request, "gate_desk.html", status=status, form=form, zone=str(zone),
        days=onsite_texts.by_day(slots, language, zone, now), **document_choices(language),
        **{"done": None, **values},
    )  # fmt: skip


async def show_desk(request: web.Request) -> web.Response:
    await onsite.need_gate_page(request)
    return await _desk_page(
        request, shown({"country": "CN", "issued": "CN", "kind": "resident_id"})
    )


async def use_desk(request: web.Request) -> web.Response:
    by = await onsite.need_gate_page(request)
    form = await read_form(request, DeskForm)
    data = form.data
    if data is not None and not countries.is_country(data.country):
        form.refuse("country", "not_allowed")
        data = None
    if data is None:
        return await _desk_page(request, form, 422)
    document = Document(data.kind, data.issued, data.number.get_secret_value(), data.consent)
    zone, language = await onsite.zone_of(request), language_of(request)
    try:
        onsite.check_issuer(document)
        person, new, held = await onsite.register(
            request, by, data.name, data.country, document, data.slot, zone
        )
    except BadDocument as bad:
        form.refuse("issued" if bad.field == "country" else bad.field, bad.code)
        if not data.consent:
            form.refuse("consent", "missing")
        return await _desk_page(request, form, 422)
    except OnsiteRefused as refused:
        return await _desk_page(request, form.refuse("slot", refused.code), 409)
    record = await request.app[SERVICES].fair.people.get(person)
    done = {
        "person": person,
        "new": new,
        "name": record.name if record else data.name,
        "slot": held and onsite_texts.slot_view(held.slot, language, zone, onsite.now_ms()),
        "code": held and pass_print.grouped(held.code),
    }
    again = shown({"country": data.country, "issued": data.issued, "kind": data.kind})
    return await _desk_page(request, again, done=done)


async def desk_pdf(request: web.Request) -> web.Response:
    """A visitor's badge, printed at the desk."""
    await onsite.need_gate_page(request)
    held = await request.app[SERVICES].fair.passes.mine(onsite.person_in(request))
    if held is None:
        raise web.HTTPNotFound()
    return await _pdf(request, held)


def setup(app: web.Application, services: Services) -> None:
    app[FRAMES] = frames = Frames()
    services.jobs.every(RETENTION_EVERY_S, "identity numbers", onsite.retention(services))

    async def close(_app: web.Application) -> AsyncIterator[None]:
        yield
        frames.close()

    app.cleanup_ctx.append(close)
    router = app.router
    router.add_get("/me/pass", show_pass)
    router.add_post("/me/pass", book)
    router.add_post("/me/pass/cancel", cancel)
    router.add_post("/me/pass/erase", erase_number)
    router.add_get("/me/pass.png", pass_png)
    router.add_get("/me/pass.pdf", pass_pdf)
    router.add_get("/gate", show_gate)
    router.add_post("/gate", use_gate)
    router.add_post("/gate/frame", frame)
    router.add_get("/gate/desk", show_desk)
    router.add_post("/gate/desk", use_desk)
    router.add_get("/gate/people/{id}/pass.pdf", desk_pdf)
