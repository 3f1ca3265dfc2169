"""/webhooks: endpoints, their secrets and what became of each message; for organisers."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from hub.ports.events import BadEndpoint, Delivery, Endpoint
from hub.services import SERVICES, Services
from hub.web.audits import audit
from hub.web.auth import Caller, need_fair_organiser
from hub.web.bodies import read
from hub.web.bodies_events import (
    DeliveryList,
    WebhookBody,
    WebhookCreate,
    WebhookList,
    WebhookPatch,
    WebhookSecret,
)
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, cursor_text, limit_of
from hub.web.routes import BASE, Query, Route
from rooms.model import PERSON_ID
from rooms.times import rfc3339

PAGE: Final = 50
STATES: Final = ("due", "sent", "failed")
NO_STORE: Final = {"Cache-Control": "no-store"}


def endpoint_body(one: Endpoint) -> dict[str, Any]:
    def when(ms: int | None) -> str | None:
        return None if ms is None else rfc3339(ms)

    return {
        "id": one.id, "url": one.url, "kinds": list(one.kinds), "active": one.active,
        "why_inactive": one.why_inactive, "failing_since": when(one.failing_since_ms),
        "rotating_until": when(one.rotating_until_ms), "created_at": rfc3339(one.created_ms),
    }  # fmt: skip


def delivery_body(one: Delivery) -> dict[str, Any]:
    return {
        "id": str(one.id), "message": one.message, "kind": one.kind, "room": one.room,
        "state": one.state, "attempts": one.attempts, "created_at": rfc3339(one.created_ms),
        "due_at": rfc3339(one.due_ms),
        "done_at": None if one.done_ms is None else rfc3339(one.done_ms), "status": one.status,
        "answer": one.answer, "took_ms": one.took_ms, "body": one.body,
    }  # fmt: skip


def _unknown() -> Problem:
    return Problem(404, "unknown_webhook", "there is no such webhook")


def _refused(bad: BadEndpoint) -> Invalid:
    return Invalid([("kinds" if bad.code == "bad_kind" else "url", bad.code)])


async def _asked(request: web.Request) -> tuple[Services, Caller, str]:
    """The id is one that can be; whether there is such a webhook is not said yet."""
    caller = await need_fair_organiser(request)
    id = request.match_info["id"]
    if not PERSON_ID.fullmatch(id):
        raise _unknown()
    return request.app[SERVICES], caller, id


async def listing(request: web.Request) -> web.Response:
    """All of them: there are at most 20."""
    await need_fair_organiser(request)
    found = await request.app[SERVICES].fair.webhooks.endpoints()
    body = {"items": [endpoint_body(one) for one in found], "next": None}
    return web.json_response(body, headers=NO_STORE)


async def create(request: web.Request) -> web.Response:
    caller = await need_fair_organiser(request)
    body = await read(request, WebhookCreate)
    try:
        made, secret = await request.app[SERVICES].fair.webhooks.create(body.url, body.kinds)
    except BadEndpoint as bad:
        raise _refused(bad) from None
    detail = {"url": made.url, "kinds": made.kinds}
    await audit(request, caller.identity, "webhook.create", f"webhook:{made.id}", detail)
    headers = {**NO_STORE, "Location": f"{BASE}/webhooks/{made.id}"}
    return web.json_response({**endpoint_body(made), "secret": secret}, status=201, headers=headers)


async def get(request: web.Request) -> web.Response:
    services, _, id = await _asked(request)
    found = await services.fair.webhooks.endpoint(id)
    if found is None:
        raise _unknown()
    return web.json_response(endpoint_body(found), headers=NO_STORE)


async def change(request: web.Request) -> web.Response:
    services, caller, id = await _asked(request)
    body = await read(request, WebhookPatch)
    given = {name: getattr(body, name) for name in body.model_fields_set}
    try:
        changed = await services.fair.webhooks.change(id, **given)
    except BadEndpoint as bad:
        raise _refused(bad) from None
    if changed is None:
        raise _unknown()
    await audit(request, caller.identity, "webhook.change", f"webhook:{id}", given)
    return web.json_response(endpoint_body(changed), headers=NO_STORE)


async def delete(request: web.Request) -> web.Response:
    services, caller, id = await _asked(request)
    if not await services.fair.webhooks.delete(id):
        raise _unknown()
    await audit(request, caller.identity, "webhook.delete", f"webhook:{id}", {})
    return web.Response(status=204)


async def rotate(request: web.Request) -> web.Response:
    services, caller, id = await _asked(request)
    rotated = await services.fair.webhooks.rotate(id)
    if rotated is None:
        raise _unknown()
    await audit(request, caller.identity, "webhook.rotate", f"webhook:{id}", {})
    found, secret = rotated
    return web.json_response({**endpoint_body(found), "secret": secret}, headers=NO_STORE)


async def test(request: web.Request) -> web.Response:
    services, caller, id = await _asked(request)
    if not await services.fair.webhooks.test(id):
        raise _unknown()
    await audit(request, caller.identity, "webhook.test", f"webhook:{id}", {})
    return web.Response(status=204)


async def deliveries(request: web.Request) -> web.Response:
    services, _, id = await _asked(request)
    state, limit = choice(request, "state", STATES), limit_of(request, PAGE)
    if await services.fair.webhooks.endpoint(id) is None:
        raise _unknown()
    try:
        found, following = await services.fair.webhooks.deliveries(
            id, state=state, cursor=cursor_text(request), limit=limit
        )
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    body = {"items": [delivery_body(one) for one in found], "next": following}
    return web.json_response(body, headers=NO_STORE)


async def replay(request: web.Request) -> web.Response:
    services, caller, id = await _asked(request)
    delivery = request.match_info["delivery"]
    known = delivery.isascii() and delivery.isdigit() and len(delivery) <= 18
    if not known or not await services.fair.webhooks.replay(id, int(delivery)):
        raise Problem(404, "unknown_delivery", "there is no such delivery")
    await audit(request, caller.identity, "webhook.replay", f"webhook:{id}", {"id": delivery})
    return web.Response(status=204)


_PATH: Final = "/webhooks/{id}"
ROUTES: Final = (
    Route("GET", "/webhooks", listing, "listWebhooks", "List webhooks", 200, WebhookList),
    Route(
        "POST", "/webhooks", create, "createWebhook", "Add an endpoint; answers its secret, once",
        201, WebhookSecret, body=WebhookCreate, headers=(("Location", "the webhook"),),
    ),
    Route("GET", _PATH, get, "getWebhook", "One webhook", 200, WebhookBody, problems=(404,)),
    Route(
        "PATCH", _PATH, change, "changeWebhook", "Change, switch on or off", 200, WebhookBody,
        body=WebhookPatch, problems=(404,),
    ),
    Route(
        "DELETE", _PATH, delete, "deleteWebhook", "Delete a webhook and what waits for it", 204,
        None, problems=(404,),
    ),
    Route(
        "POST", _PATH + "/rotate", rotate, "rotateWebhook",
        "A new secret; the old one signs beside it for 24 hours", 200, WebhookSecret,
        problems=(404,),
    ),
    Route(
        "POST", _PATH + "/test", test, "testWebhook", "Send a test event", 204, None,
        problems=(404,),
    ),
    Route(
        "GET", _PATH + "/deliveries", deliveries, "listDeliveries",
        "What was sent and what waits, newest first", 200, DeliveryList, problems=(404, 422),
        query=(
            Query("state", {"type": "string", "enum": list(STATES)}, "one state"),
            Query("cursor", {"type": "string", "maxLength": 200}, "`next` of the page before"),
            Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "rows a page"),
        ),
    ),
    Route(
        "POST", _PATH + "/deliveries/{delivery}/replay", replay, "replayDelivery",
        "Send a message once more, under the same webhook-id", 204, None, problems=(404,),
    ),
)  # fmt: skip
