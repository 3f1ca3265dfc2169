"""Bodies of the API about what happened: audit log, attendance, webhooks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from hub.web.bodies import Request, without_defaults

KindName = Literal[
    "person.registered", "person.checked_in", "room.entered", "room.left", "room.refused",
    "room.opened", "room.closed", "webhook.test",
]  # fmt: skip
Url = Annotated[str, Field(min_length=1, max_length=500)]
Kinds = Annotated[list[KindName], Field(max_length=20)]


class WebhookCreate(Request):
    """``kinds`` empty: all of them."""

    url: Url
    kinds: Kinds = Field(default_factory=list)


class WebhookPatch(Request, json_schema_extra=without_defaults):
    """Fields that are absent stay."""

    url: Url = ""
    kinds: Kinds = Field(default_factory=list)
    active: bool = True


class WebhookBody(BaseModel):
    """``why_inactive``: by_organiser, gone, failing, too_far_behind."""

    id: str
    url: str
    kinds: list[KindName]
    active: bool
    why_inactive: str | None
    failing_since: AwareDatetime | None
    rotating_until: AwareDatetime | None
    created_at: AwareDatetime


class WebhookSecret(WebhookBody):
    """``secret`` is shown this once."""

    secret: str


class WebhookList(BaseModel):
    items: list[WebhookBody]
    next: str | None


class DeliveryBody(BaseModel):
    """``message`` is the webhook-id. ``answer``: what the endpoint said, or why it could not
    be asked (``private_address``, ``timeout``, ...), cut short."""

    id: str
    message: str
    kind: KindName
    room: str | None
    state: Literal["due", "sent", "failed"]
    attempts: int
    created_at: AwareDatetime
    due_at: AwareDatetime
    done_at: AwareDatetime | None
    status: int | None
    answer: str | None
    took_ms: int | None
    body: str


class DeliveryList(BaseModel):
    items: list[DeliveryBody]
    next: str | None


class AuditRowBody(BaseModel):
    """``hash`` covers the row and ``previous``, the hash of the row before."""

    seq: int
    at: AwareDatetime
    actor: str
    actor_name: str
    act: str
    target: str
    detail: dict[str, Any]
    address: str | None
    previous: str
    hash: str


class AuditList(BaseModel):
    items: list[AuditRowBody]
    next: str | None


class AuditCheckBody(BaseModel):
    """``broken``: the first seq that is not as it was written, with ``why``: missing,
    changed, unchained, truncated. ``head``: ``<seq>:<hash>`` of the newest good row."""

    ok: bool
    rows: int
    head: str
    broken: int | None
    why: str | None


class StayBody(BaseModel):
    entered_at: AwareDatetime
    left_at: AwareDatetime | None


class VisitBody(BaseModel):
    """``last_left_at`` is null while they are inside; gaps under a minute are no end of a
    stay. ``minutes``: inside, and within the conference when one was asked for."""

    person: str
    name: str
    company: str | None
    role: str
    room: str
    first_entered_at: AwareDatetime
    last_left_at: AwareDatetime | None
    stays: list[StayBody]
    minutes: float


class VisitList(BaseModel):
    items: list[VisitBody]
    next: str | None
