"""/organise/mail: the outbox. Where there is no mail server it is where mails are read."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hub.web.audits import audit
from hub.web.forms import FormModel, read_form
from hub.web.organise.common import first_page, next_page, organiser, render, see

PAGE: Final = 50
PATH: Final = "/organise/mail"
_ID_DIGITS: Final = 18  # within a signed 64-bit number


async def listing(request: web.Request) -> web.Response:
    services, _session = await organiser(request)
    try:
        mails, following = await services.fair.mails.outbox(
            request.query.get("cursor") or None, PAGE
        )
    except ValueError:
        raise web.HTTPBadRequest() from None
    return await render(
        request, "mail", mails=mails, sends=services.fair.mails.sends,
        following=next_page(request, following), first=first_page(request),
    )  # fmt: skip


async def again(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    mail = int(request.match_info["mail"])
    await read_form(request, FormModel)
    queued = await services.fair.mails.send_again(mail)
    if queued:
        await audit(request, session.identity, "mail.again", f"mail:{mail}", {})
    raise see(PATH, "queued" if queued else "gone")


def setup(app: web.Application) -> None:
    app.router.add_get(PATH, listing)
    app.router.add_post(f"{PATH}/{{mail:[0-9]{{1,{_ID_DIGITS}}}}}/again", again)
