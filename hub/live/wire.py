"""From what Redis and the media workers say to what goes over the socket: shapes only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET

from hub.ports import ChannelTail, RoomSnapshot, RoomView, RosterSlice, Seated
from rooms import messages as m
from rooms.errors import Code, Refusal
from rooms.model import REACTIONS, Kind
from rooms.notices import EventNotice
from rooms.times import rfc3339

#: What is said of a fault of ours: the log has the rest.
GENERIC: Final = "something went wrong here; please try again"


def event(notice: EventNotice) -> m.Event:
    return m.Event(
        room=notice.room,
        epoch=notice.epoch,
        seq=notice.seq,
        kind=notice.kind,
        at=rfc3339(notice.at_ms),
        by=notice.by,
        body=notice.body,
        channel=UNSET if notice.channel is None else notice.channel,
    )


def room(view: RoomView) -> m.RoomMessage:
    spec, counts = view.spec, view.counts
    return m.RoomMessage(
        room=spec.slug,
        live=counts.live,
        held=counts.held,
        offered=counts.offered,
        waiting=counts.waiting,
        capacity=spec.capacity,
        reserved=spec.reserved,
        locked=spec.locked,
        lock_message=spec.lock_message,
        chat=spec.chat,
        slow_mode_s=spec.slow_mode_s,
        state=view.state,
        title=spec.title,
        stage=view.stage,
        hands=view.hands,
        **(_talk(view) if spec.kind is Kind.NEGOTIATION else {}),
    )


def _talk(view: RoomView) -> dict[str, Any]:
    spec = view.spec
    return {
        "mode": spec.mode, "media_mode": view.media_mode, "lobby": spec.lobby,
        "relay_only": spec.relay_only, "sides": spec.sides,
    }  # fmt: skip


def channels(tails: Mapping[str, ChannelTail]) -> dict[str, m.ChannelPart]:
    return {
        name: m.ChannelPart(tail.seq, tuple(event(one) for one in tail.events))
        for name, tail in tails.items()
    }


def roster(slug: str, page: RosterSlice) -> m.RosterDelta:
    """The first page as a fresh start."""
    return m.RosterDelta(room=slug, add=page.items, remove=(), total=page.total, fresh=True)


def entered(
    seat: Seated, shot: RoomSnapshot, re: int | None, tails: Mapping[str, ChannelTail]
) -> m.Entered:
    view = shot.view
    talk = view.spec.kind is Kind.NEGOTIATION
    return m.Entered(
        re=UNSET if re is None else re,
        room=view.spec.slug,
        seat=m.Seat(gen=seat.gen, lease_ms=seat.lease_ms),
        epoch=view.epoch,
        seq=view.seq,
        media_mode=view.media_mode,
        snapshot=m.Snapshot(
            room=room(view),
            roster=m.RosterFirst(shot.roster.items, shot.roster.total, shot.roster.next),
            chat=tuple(event(notice) for notice in shot.chat),
            reactions=REACTIONS,
            channels=channels(tails) if talk else UNSET,
        ),
    )


_REFUSED_FIELDS: Final = ("capacity", "live", "waiting", "waitlist", "opens_at", "until")


def refused(slug: str, refusal: Refusal, re: int | None) -> m.Refused:
    """``message`` is the room's own for a locked room (detail ``message``)."""
    detail: dict[str, Any] = {k: refusal.detail[k] for k in _REFUSED_FIELDS if k in refusal.detail}
    for key in ("opens_at", "until"):
        if isinstance(detail.get(key), int):
            detail[key] = rfc3339(detail[key])
    text = refusal.detail.get("message") if refusal.code is Code.ROOM_LOCKED else None
    wait = refusal.retry_after_ms
    return m.Refused(
        room=slug,
        code=refusal.code,
        message=text or refusal.message,
        re=UNSET if re is None else re,
        retry_after_ms=UNSET if wait is None else wait,
        reason=refusal.detail.get("reason") or UNSET,
        **detail,
    )


def error(refusal: Refusal, re: int | None, slug: str | None = None) -> m.Error:
    wait = refusal.retry_after_ms
    return m.Error(
        code=refusal.code,
        message=refusal.message,
        re=UNSET if re is None else re,
        room=UNSET if slug is None else slug,
        retry_after_ms=UNSET if wait is None else wait,
    )
