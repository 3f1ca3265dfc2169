"""Reading a room: its state, roster, queue and missed events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from hub.ports import Missed, Participant, RoomSnapshot, RoomView, RosterSlice
from hub.store.gate import Gate
from rooms.messages import CHAT_TAIL, ROSTER_FIRST
from rooms.model import (
    Counts,
    Person,
    Role,
    RoomSpec,
    Source,
    SourceState,
    StageMember,
)
from rooms.notices import EventNotice

_SECTION_CURSOR: Final = re.compile(r"([0-2]):([0-9]{1,15})")
_PEOPLE_CURSOR: Final = re.compile(r"([ow]):([0-9]{1,15})")

_person = msgspec.json.Decoder(Person)
_event = msgspec.json.Decoder(EventNotice)
_spec = msgspec.json.Decoder(RoomSpec)


class _Line(msgspec.Struct, frozen=True):
    """A roster line with the state of a participant list, which knows ``waiting`` too."""

    id: str
    name: str
    role: Role
    company: str | None
    state: str
    stage: bool
    hand: int | None


_line = msgspec.json.Decoder(_Line)


class Views:
    """The part of ``hub.ports.Admission`` that changes nothing."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def view(self, room: str) -> RoomView:
        return _view(await self._gate.run("view", room, 0, 0))

    async def snapshot(self, room: str) -> RoomSnapshot:
        answer = await self._gate.run("view", room, ROSTER_FIRST, CHAT_TAIL)
        view = _view(answer)
        lines, cursor, chat = answer[22:25]
        people = tuple(_person.decode(line) for line in lines)
        roster = RosterSlice(people, cursor.decode() or None, view.counts.occupied)
        return RoomSnapshot(view, roster, tuple(_event.decode(e) for e in reversed(chat)))

    async def roster(self, room: str, after: str | None, limit: int) -> RosterSlice:
        section, score = _cursor(_SECTION_CURSOR, after, "0")
        _, total, cursor, *lines = await self._gate.run("roster", room, section, score, limit)
        people = tuple(_person.decode(line) for line in lines)
        return RosterSlice(people, cursor.decode() or None, total)

    async def person(self, room: str, person: str) -> Person | None:
        _, line = await self._gate.run("person", room, person)
        return _person.decode(line) if line else None

    async def participants(
        self, room: str, state: str | None, cursor: str | None, limit: int
    ) -> tuple[tuple[Participant, ...], str | None]:
        part, score = _cursor(_PEOPLE_CURSOR, cursor, "o")
        _, following, *rest = await self._gate.run(
            "participants", room, state or "", part, score, limit
        )
        people = tuple(
            _participant(_line.decode(line), place)
            for line, place in zip(rest[::2], rest[1::2], strict=True)
        )
        return people, following.decode() or None

    async def positions(self, room: str, people: Sequence[str]) -> tuple[dict[str, int], int]:
        places: dict[str, int] = {}
        total = 0
        for start in range(0, max(1, len(people)), 1_000):
            some = people[start : start + 1_000]
            _, total, *found = await self._gate.run("positions", room, *some)
            places.update((p, place) for p, place in zip(some, found, strict=True) if place)
        return places, total

    async def since(self, room: str, epoch: str, seq: int) -> Missed:
        word, now_epoch, top, *events = await self._gate.run("since", room, epoch, seq)
        found = tuple(_event.decode(event) for event in events)
        return Missed(found, now_epoch.decode(), top, gap=word == "gap")


def _cursor(form: re.Pattern[str], cursor: str | None, first: str) -> tuple[str, str]:
    """Where to go on; a cursor that is none of ours begins again."""
    match = form.fullmatch(cursor or "")
    return (match[1], match[2]) if match else (first, "-inf")


def _participant(line: _Line, place: int) -> Participant:
    return Participant(
        id=line.id, name=line.name, role=line.role, company=line.company,
        state=cast(Any, line.state), stage=line.stage, hand=line.hand, position=place or None,
    )  # fmt: skip


def _number(raw: bytes) -> int | None:
    return int(float(raw)) if raw else None


def _view(answer: list[Any]) -> RoomView:
    (
        _, spec_json, capacity, reserved, locked, message, chat, slow, stage_capacity, waitlist,
        opens, closes, closed, now, live, held, offered, waiting, epoch, seq, stage, hands, _, _, _,
        media,
    ) = answer  # fmt: skip
    spec = msgspec.structs.replace(
        _spec.decode(spec_json),
        capacity=capacity, reserved=reserved, stage_capacity=stage_capacity, locked=bool(locked),
        lock_message=message.decode() or None, waitlist=bool(waitlist), chat=chat.decode(),
        slow_mode_s=int(slow), opens_at=_number(opens), closes_at=_number(closes),
        closed=bool(closed),
    )  # fmt: skip
    members = tuple(_member(*stage[i : i + 3]) for i in range(0, len(stage), 3))
    return RoomView(
        spec=spec,
        state=spec.state(now),
        counts=Counts(live, held, offered, waiting, len(members)),
        stage=members,
        hands=tuple(hand.decode() for hand in hands),
        epoch=epoch.decode(),
        seq=seq,
        media_mode="direct" if media == b"direct" else "sfu",
    )


def _member(person: bytes, members: bytes, sources: bytes) -> StageMember:
    name = msgspec.json.decode(b"{" + members + b"}")["name"]
    return StageMember(person.decode(), name, parse_sources(sources.decode()))


def parse_sources(text: str) -> tuple[SourceState, ...]:
    """``camera:0,microphone:1`` as Redis keeps it; 1 is muted."""
    pairs = (item.partition(":") for item in text.split(",") if item)
    return tuple(SourceState(Source(name), muted == "1") for name, _, muted in pairs)
