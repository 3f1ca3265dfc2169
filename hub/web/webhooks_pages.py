"""/organise/webhooks: endpoints, their secrets (shown once), and the log of deliveries."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field

from hub.ports import WebSession
from hub.ports.events import KINDS, BadEndpoint, Endpoint
from hub.services import Services
from hub.web import flash, form_texts
from hub.web.audits import audit
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.organise.common import first_page, next_page, organiser, render, see
from rooms.model import PERSON_ID

PAGE: Final = 50
PATH: Final = "/organise/webhooks"
STATES: Final = ("due", "sent", "failed")
CHOICES: Final = KINDS[:-1]  # a test is sent whatever was asked for


def _(text: str) -> str:
    return text


form_texts.add(
    {
        "not_https": _("The address must begin with https://."),
        ("url", "bad_url"): _("This is no address of a web page that could be called."),
        "bad_port": _("Use port 443, or one from 1024 on."),
        "private_address": _("This address can be reached from this machine only."),
        "too_many": _("There are 20 webhooks. Delete one first."),
        "bad_kind": _("Choose one of the possibilities."),
    }
)


class EndpointForm(FormModel):
    url: Annotated[str, Field(max_length=500)]
    kinds: list[str] = Field(default_factory=list)


async def _list(request: web.Request, form: Form[Any] | None = None) -> web.Response:
    services, _session = await organiser(request)
    form = form or shown({})
    return await render(
        request, "webhooks", endpoints=await services.fair.webhooks.endpoints(), form=form,
        kinds=CHOICES, status=422 if form.errors else 200,
    )  # fmt: skip


async def listing(request: web.Request) -> web.Response:
    return await _list(request)


async def create(request: web.Request) -> web.Response:
    """Leads to the endpoint's page, which shows the secret once."""
    services, session = await organiser(request)
    form = await read_form(request, EndpointForm)
    if form.data is None:
        return await _list(request, form)
    try:
        endpoint, secret = await services.fair.webhooks.create(form.data.url, form.data.kinds)
    except BadEndpoint as bad:
        form.refuse("kinds" if bad.code == "bad_kind" else "url", bad.code)
        return await _list(request, form)
    detail = {"url": endpoint.url, "kinds": endpoint.kinds}
    await audit(request, session.identity, "webhook.create", f"webhook:{endpoint.id}", detail)
    raise flash.leave(request, session, see(f"{PATH}/{endpoint.id}"), {"secret": secret})


async def _endpoint(request: web.Request) -> tuple[Services, WebSession, Endpoint]:
    services, session = await organiser(request)
    id = request.match_info["webhook"]
    found = await services.fair.webhooks.endpoint(id) if PERSON_ID.fullmatch(id) else None
    if found is None:
        raise web.HTTPNotFound()
    return services, session, found


async def _one(
    request: web.Request, endpoint: Endpoint, form: Form[Any] | None = None, secret: str = ""
) -> web.Response:
    services, _session = await organiser(request)
    state = request.query.get("state", "")
    try:
        log, following = await services.fair.webhooks.deliveries(
            endpoint.id, state=state if state in STATES else None,
            cursor=request.query.get("cursor") or None, limit=PAGE,
        )  # fmt: skip
    except ValueError:
        raise web.HTTPBadRequest() from None
    form = form or shown({"url": endpoint.url, "kinds": list(endpoint.kinds)})
    return await render(
        request, "webhook", endpoint=endpoint, log=log, form=form, kinds=CHOICES, state=state,
        secret=secret, pretty=_pretty, following=next_page(request, following),
        first=first_page(request), status=422 if form.errors else 200,
    )  # fmt: skip


def _pretty(body: str) -> str:
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)


async def page(request: web.Request) -> web.Response:
    _services, session, endpoint = await _endpoint(request)
    left = flash.take(request, session)
    answer = await _one(request, endpoint, secret=left.get("secret", ""))
    return flash.taken(request, answer)


async def change(request: web.Request) -> web.Response:
    services, session, endpoint = await _endpoint(request)
    form = await read_form(request, EndpointForm)
    if form.data is None:
        return await _one(request, endpoint, form)
    given = {"url": form.data.url, "kinds": form.data.kinds}
    try:
        await services.fair.webhooks.change(endpoint.id, url=form.data.url, kinds=form.data.kinds)
    except BadEndpoint as bad:
        form.refuse("kinds" if bad.code == "bad_kind" else "url", bad.code)
        return await _one(request, endpoint, form)
    await audit(request, session.identity, "webhook.change", f"webhook:{endpoint.id}", given)
    raise see(f"{PATH}/{endpoint.id}", "saved")


async def rotate(request: web.Request) -> web.Response:
    services, session, endpoint = await _endpoint(request)
    await read_form(request, FormModel)
    rotated = await services.fair.webhooks.rotate(endpoint.id)
    if rotated is None:
        raise web.HTTPNotFound()
    await audit(request, session.identity, "webhook.rotate", f"webhook:{endpoint.id}", {})
    raise flash.leave(request, session, see(f"{PATH}/{endpoint.id}"), {"secret": rotated[1]})


async def act(request: web.Request) -> web.Response:
    """on, off, test, delete: buttons."""
    services, session, endpoint = await _endpoint(request)
    await read_form(request, FormModel)
    what, id, webhooks = request.match_info["act"], endpoint.id, services.fair.webhooks
    if what == "test":
        await webhooks.test(id)
    elif what == "delete":
        await webhooks.delete(id)
    else:
        await webhooks.change(id, active=what == "on")
    await audit(request, session.identity, f"webhook.{what}", f"webhook:{id}", {})
    raise see(PATH if what == "delete" else f"{PATH}/{id}", what)


async def replay(request: web.Request) -> web.Response:
    services, session, endpoint = await _endpoint(request)
    await read_form(request, FormModel)
    delivery = int(request.match_info["delivery"])
    if not await services.fair.webhooks.replay(endpoint.id, delivery):
        raise web.HTTPNotFound()
    detail = {"id": delivery}
    await audit(request, session.identity, "webhook.replay", f"webhook:{endpoint.id}", detail)
    raise see(f"{PATH}/{endpoint.id}", "again")


def setup(app: web.Application) -> None:
    one = f"{PATH}/{{webhook}}"
    app.router.add_get(PATH, listing)
    app.router.add_post(PATH, create)
    app.router.add_get(one, page)
    app.router.add_post(one, change)
    app.router.add_post(f"{one}/rotate", rotate)
    app.router.add_post(f"{one}/{{act:on|off|test|delete}}", act)
    app.router.add_post(f"{one}/deliveries/{{delivery:[0-9]{{1,18}}}}/replay", replay)
