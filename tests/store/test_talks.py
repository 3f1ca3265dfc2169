"""What the port promises of negotiation rooms, case by case, on both servers."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from msgspec import structs

from hub.ports import Noted, Queued, Seated
from hub.store import Store
from hub.store.keys import room_key
from rooms.errors import Code
from rooms.model import Attachment, Identity, Kind, Mode, Role, RoomSpec, SeatState
from rooms.notices import (
    ChannelNotice,
    DetachedNotice,
    EventNotice,
    KnockNotice,
    Notice,
    PromotedNotice,
    SignalNotice,
)
from tests.store.servers import MODERATOR, PUBLISH, connected, person, refused, socket, until

HOST = person("h", Role.HOST)


def of(name: str, side: str | None, role: Role = Role.PARTICIPANT) -> Identity:
    return structs.replace(person(name, role), side=side)


async def talk(store: Store, slug: str, mode: Mode | None, **settings: Any) -> RoomSpec:
    spec = RoomSpec(slug=slug, title="T", kind=Kind.NEGOTIATION, mode=mode, **settings)
    assert await store.admission.load(spec)
    return spec


async def come(store: Store, slug: str, who: Identity, **options: Any) -> Seated | Queued:
    return await store.admission.enter(slug, who, socket(who.id), wait=True, **options)


async def turned_away(store: Store, slug: str, who: Identity, **options: Any) -> Code:
    """Their code; nothing about the room has changed."""
    before = await store.admission.snapshot(slug)
    code = (await refused(come(store, slug, who, **options))).code
    assert await store.admission.snapshot(slug) == before
    return code


async def test_one_to_one_is_two_people_whatever_the_capacity(store: Store, slug: str) -> None:
    await talk(store, slug, Mode.ONE_TO_ONE, capacity=9)
    assert isinstance(await come(store, slug, person("a")), Seated)
    assert isinstance(await come(store, slug, person("b")), Seated)
    assert await turned_away(store, slug, person("c")) is Code.WRONG_MODE
    assert await turned_away(store, slug, HOST) is Code.WRONG_MODE
    raised = store.admission.capacity(slug, MODERATOR, MODERATOR.role, 3)
    assert (await refused(raised)).code is Code.WRONG_MODE
    again = await store.admission.enter(slug, person("a"), socket("a2"), wait=True)
    assert isinstance(again, Seated) and not again.new
    await store.admission.leave(slug, "a", "a2")
    assert isinstance(await come(store, slug, person("c")), Seated)


async def test_one_to_one_with_sides_is_one_of_each(store: Store, slug: str) -> None:
    await talk(store, slug, Mode.ONE_TO_ONE, sides={"acme": 1, "guest": 1})
    assert isinstance(await come(store, slug, of("a", "acme")), Seated)
    assert await turned_away(store, slug, of("a2", "acme", Role.HOST)) is Code.WRONG_MODE
    assert await turned_away(store, slug, of("x", "bolt")) is Code.WRONG_MODE
    assert isinstance(await come(store, slug, person("g")), Seated)
    await store.admission.leave(slug, "a", "a")
    # A token's company counts as a side when the room knows it; a claim goes before it.
    lee = structs.replace(person("lee"), company="acme")
    assert await turned_away(store, slug, structs.replace(lee, side="guest")) is Code.WRONG_MODE
    assert isinstance(await come(store, slug, lee), Seated)
    lines = (await store.admission.snapshot(slug)).roster.items
    assert {line.id: line.side for line in lines} == {"lee": "acme", "g": "guest"}


async def test_each_company_has_exactly_its_seats_and_a_full_side_blocks_no_other(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await talk(store, slug, Mode.MANY_TO_MANY, capacity=4, sides={"acme": 2, "bolt": 1, "cog": 1})
    assert isinstance(await come(store, slug, of("b1", "bolt")), Seated)
    assert await come(store, slug, of("b2", "bolt")) == Queued(1, 1)
    full = await refused(
        store.admission.enter(slug, of("b3", "bolt"), socket("b3"), wait=False)
    )  # fmt: skip
    assert full.code is Code.ROOM_FULL
    for name in ("a1", "a2"):
        assert isinstance(await come(store, slug, of(name, "acme")), Seated)
    assert await come(store, slug, of("a3", "acme")) == Queued(2, 2)
    assert await turned_away(store, slug, of("x", "dyn")) is Code.WRONG_MODE
    assert await turned_away(store, slug, person("guest")) is Code.WRONG_MODE
    await store.admission.leave(slug, "a1", "a1")  # goes past b2, who waits for bolt
    (told,) = await until(heard, PromotedNotice)
    assert told.id == "a3"
    assert isinstance(await come(store, slug, of("c1", "cog")), Seated)
    # A seat's side stays, so that nobody takes another's by calling themselves theirs.
    again = await store.admission.resume(slug, of("b1", "cog"), socket("b1x"))
    assert isinstance(again, Seated)
    assert isinstance(await come(store, slug, of("b1", "cog")), Seated)
    assert (await store.admission.person(slug, "b1") or HOST).side == "bolt"
    lowered = store.admission.capacity(slug, MODERATOR, MODERATOR.role, 3)
    assert (await refused(lowered)).code is Code.BAD_MESSAGE


async def test_who_must_be_let_in_knocks_and_is_passed_over_until_admitted(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await talk(store, slug, Mode.ONE_TO_MANY, capacity=3, lobby=True)
    admission, act = store.admission, (HOST, Role.HOST)
    assert await come(store, slug, person("g1")) == Queued(1, 1, lobby=True)
    assert await come(store, slug, person("g2")) == Queued(2, 2, lobby=True)
    assert isinstance(await come(store, slug, HOST), Seated)
    told = await until(heard, KnockNotice, 2)
    assert [(n.id, n.waiting, n.person and n.person.state) for n in told] == [
        ("g1", True, SeatState.WAITING), ("g2", True, SeatState.WAITING),
    ]  # fmt: skip
    assert [one.id for one in await admission.knocking(slug)] == ["g1", "g2"]
    assert await admission.resume(slug, person("g1"), socket("g1x")) == Queued(1, 2, lobby=True)
    # WHIP cannot wait for somebody at the door.
    live = admission.enter(slug, person("w", Role.SPEAKER), Attachment(PUBLISH, "w", "h"),
                           wait=False, stage=True)  # fmt: skip
    assert isinstance(await live, Seated)
    now = admission.enter(slug, person("w2"), Attachment(PUBLISH, "w2", "h"), wait=False)
    assert (await refused(now)).code is Code.FORBIDDEN
    for who, role in ((person("g1"), Role.PARTICIPANT), (person("w"), Role.SPEAKER)):
        assert (await refused(admission.admit(slug, who, role, "g2"))).code is Code.FORBIDDEN
        assert (await refused(admission.deny(slug, who, role, "g2"))).code is Code.FORBIDDEN
    for nobody in ("h", "x"):
        assert (await refused(admission.admit(slug, *act, nobody))).code is Code.NOT_IN_ROOM
        assert (await refused(admission.deny(slug, *act, nobody))).code is Code.NOT_IN_ROOM
    await admission.admit(slug, *act, "g2")
    (promoted,) = await until(heard, PromotedNotice)
    assert promoted.id == "g2"
    claimed = await come(store, slug, person("g2"))
    assert isinstance(claimed, Seated) and not claimed.new
    assert [m.id for m in (await admission.view(slug)).stage] == ["h", "w", "g2"]
    await admission.admit(slug, *act, "g1")  # let in, but there is no seat: an ordinary place
    assert await come(store, slug, person("g1")) == Queued(1, 1)
    assert not await admission.knocking(slug)
    await admission.leave(slug, "g2", "g2")
    (_, promoted) = await until(heard, PromotedNotice, 2)
    assert promoted.id == "g1"
    assert await come(store, slug, person("g2")) == Queued(1, 1, lobby=True)  # each time anew


async def test_a_knock_of_their_own_outlives_the_rooms_lobby(store: Store, slug: str) -> None:
    spec = await talk(store, slug, Mode.ONE_TO_MANY, capacity=5, lobby=True)
    assert await come(store, slug, person("a")) == Queued(1, 1, lobby=True)
    assert await come(store, slug, person("b"), knock=True) == Queued(2, 2, lobby=True)
    await store.admission.settings(structs.replace(spec, lobby=False))
    assert (await store.admission.view(slug)).spec.lobby is False
    assert [one.id for one in await store.admission.knocking(slug)] == ["b"]
    assert isinstance(await come(store, slug, person("a")), Seated)
    assert isinstance(await come(store, slug, person("c")), Seated)
    assert isinstance(await come(store, slug, person("b")), Seated)  # need not any more


async def test_knocking_never_keeps_the_host_of_two_out(store: Store, slug: str) -> None:
    await talk(store, slug, Mode.ONE_TO_ONE, lobby=True)
    for name in ("a", "b"):
        assert isinstance(await come(store, slug, person(name)), Queued)
    assert await turned_away(store, slug, person("c")) is Code.WRONG_MODE
    assert isinstance(await come(store, slug, HOST), Seated)
    await store.admission.admit(slug, HOST, Role.HOST, "b")
    third = store.admission.admit(slug, HOST, Role.HOST, "a")
    assert (await refused(third)).code is Code.WRONG_MODE
    assert [one.id for one in await store.admission.knocking(slug)] == ["a"]


async def test_who_was_removed_or_denied_finds_no_such_room(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await talk(store, slug, Mode.ONE_TO_MANY, capacity=5)
    admission, act = store.admission, (HOST, Role.HOST)
    await come(store, slug, HOST)
    await come(store, slug, person("a"))
    await come(store, slug, person("b"), knock=True)
    seq = await admission.remove(slug, *act, "a", reason="enough")
    assert seq == 1 and await admission.deny(slug, *act, "b", reason="not today") == 1
    told = await until(heard, DetachedNotice, 2)
    assert [(n.id, n.why, n.reason, n.until_ms) for n in told] == [
        ("a", "removed", "enough", None), ("b", "removed", "not today", None),
    ]  # fmt: skip
    assert await admission.remove(slug, *act, "never-here") == 1  # for good, and nobody is told
    ban = await admission.remove(slug, MODERATOR, MODERATOR.role, "h2", ban_s=5)
    assert ban == 1
    for name in ("a", "b", "never-here", "h2"):
        for role in (Role.PARTICIPANT, Role.HOST):
            assert await turned_away(store, slug, person(name, role)) is Code.UNKNOWN_ROOM
        back = admission.resume(slug, person(name), socket("9"))
        assert (await refused(back)).code is Code.UNKNOWN_ROOM
    lock = admission.lock(slug, person("h2", Role.HOST), Role.HOST, True, None)
    assert (await refused(lock)).code is Code.UNKNOWN_ROOM
    marks = [part for i in range(10_000) for part in (2**53 - 1, f"gone{i}")]
    await store.submitter.call("ZADD", room_key(slug, "ban"), *marks)
    full = await refused(admission.remove(slug, *act, "one-more"))
    assert full.code is Code.TOO_LARGE
    unban = admission.unban(slug, person("x"), Role.SPEAKER, "a")
    assert (await refused(unban)).code is Code.FORBIDDEN
    await admission.unban(slug, *act, "a")
    assert isinstance(await come(store, slug, person("a")), Seated)
    await admission.close(slug, MODERATOR, MODERATOR.role)
    assert await turned_away(store, slug, person("b")) is Code.UNKNOWN_ROOM
    assert await turned_away(store, slug, person("c")) is Code.ROOM_CLOSED


async def test_media_goes_through_the_sfu_from_the_fifth_person(store: Store, slug: str) -> None:
    await talk(store, slug, None, capacity=9)
    admission = store.admission
    for i in range(4):
        await come(store, slug, person(f"p{i}"))
    assert (await admission.view(slug)).media_mode == "direct"
    await come(store, slug, person("p4"))
    view = await admission.view(slug)
    assert view.media_mode == "sfu" and len(view.stage) == 5
    await come(store, slug, person("p5"))
    await admission.leave(slug, "p0", "p0")
    await admission.leave(slug, "p1", "p1")
    assert (await admission.view(slug)).media_mode == "direct"
    events = (await admission.since(slug, view.epoch, 0)).events
    assert [(e.seq, e.kind, bytes(e.body)) for e in events] == [
        (1, "media_mode", b'{"mode":"sfu"}'), (2, "media_mode", b'{"mode":"direct"}'),
    ]  # fmt: skip


async def test_signalling_is_between_seated_people_of_a_direct_room(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await talk(store, slug, None, capacity=9)
    for name in ("a", "b"):
        await come(store, slug, person(name))
    await come(store, slug, person("k"), knock=True)
    signal = store.admission.signal
    await signal(slug, "a", "b", b'{"restart":true}')
    (told,) = await until(heard, SignalNotice)
    assert (told.sender, told.to, bytes(told.data)) == ("a", "b", b'{"restart":true}')
    for one, other in (("a", "x"), ("x", "a"), ("a", "k"), ("k", "a")):
        assert (await refused(signal(slug, one, other, b"{}"))).code is Code.NOT_IN_ROOM
    for to, data in (("a", b"{}"), ("b", b'{}\n{"n":"x"}'), ("b", b" " * 65_537)):
        assert (await refused(signal(slug, "a", to, data))).code is Code.BAD_MESSAGE
    for i in range(3):
        await come(store, slug, person(f"p{i}"))
    assert (await refused(signal(slug, "a", "b", b"{}"))).code is Code.WRONG_MODE
    await store.admission.load(RoomSpec(slug=slug + "-c", title="", capacity=3))
    for name in ("a", "b"):
        await come(store, slug + "-c", person(name))
    assert (await refused(signal(slug + "-c", "a", "b", b"{}"))).code is Code.WRONG_MODE


async def test_channels_are_numbered_apart_and_reach_their_own_alone(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await talk(store, slug, Mode.MANY_TO_MANY, capacity=9)
    admission = store.admission
    people = {"a1": "acme", "a2": "acme", "b1": "bolt", "h": "bolt"}
    for name, side in people.items():
        await come(store, slug, of(name, side, Role.HOST if name == "h" else Role.PARTICIPANT))
    await come(store, slug, of("k", "cog"), knock=True)
    await come(store, slug, of("k2", "cog"), knock=True)

    async def say(name: str, channel: str | None, role: Role = Role.PARTICIPANT) -> int:
        return await admission.say(slug, name, name, role, f"of {name}", channel)

    assert await say("a1", None) == 1
    assert [await say("a1", "side"), await say("a2", "side"), await say("b1", "side")] == [1, 2, 1]
    assert await say("k", "lobby") == 1
    assert await say("h", "lobby:k", Role.HOST) == 2
    told = await until(heard, ChannelNotice, 5)
    assert [(n.channel, n.seq, n.by, sorted(n.to)) for n in told] == [
        ("side", 1, "a1", ["a1", "a2"]), ("side", 2, "a2", ["a1", "a2"]),
        ("side", 1, "b1", ["b1", "h"]), ("lobby:k", 1, "k", ["h", "k"]),
        ("lobby:k", 2, "h", ["h", "k"]),
    ]  # fmt: skip
    assert msgspec.json.decode(told[0].body) == {"text": "of a1", "name": "a1"}
    for name, channel, code in (
        ("a1", "lobby", Code.FORBIDDEN), ("a1", "lobby:k", Code.FORBIDDEN),
        ("k2", "lobby:k", Code.FORBIDDEN), ("k", "side", Code.NOT_IN_ROOM),
        ("h", "lobby:x", Code.FORBIDDEN), ("h", "lobby:a1", Code.FORBIDDEN),
        ("x", "side", Code.NOT_IN_ROOM), ("x", "lobby", Code.NOT_IN_ROOM),
        ("a1", "", Code.FORBIDDEN), ("a1", "side:acme", Code.FORBIDDEN),
    ):  # fmt: skip
        assert (await refused(say(name, channel))).code is code, (name, channel)

    tails = await admission.channel_tails(slug, "h")
    assert {name: (tail.seq, [e.by for e in tail.events]) for name, tail in tails.items()} == {
        "side": (1, ["b1"]), "lobby:k": (2, ["k", "h"]), "lobby:k2": (0, []),
    }  # fmt: skip
    assert set(await admission.channel_tails(slug, "k")) == {"lobby:k"}
    assert [e.seq for e in (await admission.channel_tails(slug, "a2"))["side"].events] == [1, 2]
    assert await admission.channel_tails(slug, "x") == {}

    epoch = (await admission.view(slug)).epoch
    missed = await admission.channel_since(slug, "a2", epoch, "side", 1)
    assert [(e.seq, e.by, e.channel) for e in missed.events] == [(2, "a2", "side")]
    assert missed.seq == 2 and not missed.gap
    for at_epoch, seq in ((epoch, 3), (epoch, -1), ("other", 1)):
        assert (await admission.channel_since(slug, "a2", at_epoch, "side", seq)).gap
    theirs = admission.channel_since(slug, "a2", epoch, "lobby:k", 0)
    assert (await refused(theirs)).code is Code.FORBIDDEN
    await admission.admit(slug, HOST, Role.HOST, "k")
    assert (await refused(say("h", "lobby:k", Role.HOST))).code is Code.FORBIDDEN
    events = [n for n in heard if isinstance(n, EventNotice) and n.kind == "chat"]
    assert [n.by for n in events] == ["a1"]


async def test_what_a_channel_no_longer_keeps_is_a_gap(url: str, slug: str) -> None:
    store = await connected(url, log_events=50)
    try:
        await talk(store, slug, Mode.ONE_TO_MANY, capacity=5)
        await come(store, slug, of("a", "acme", Role.HOST))
        await come(store, slug, person("g"))
        say = store.admission.say
        await asyncio.gather(
            *(say(slug, "a", "A", Role.HOST, str(i), "side") for i in range(60)),
            say(slug, "g", "G", Role.PARTICIPANT, "hi", "side"),
        )
        epoch = (await store.admission.view(slug)).epoch
        kept = await store.admission.channel_since(slug, "a", epoch, "side", 11)
        assert [e.seq for e in kept.events] == list(range(12, 61)) and not kept.gap
        lost = await store.admission.channel_since(slug, "a", epoch, "side", 10)
        assert lost.gap and not lost.events and lost.seq == 60
    finally:
        await store.close()


async def test_the_hosts_of_one_to_many_share_no_channel_with_the_guests(
    store: Store, slug: str
) -> None:
    await talk(store, slug, Mode.ONE_TO_MANY, capacity=5)
    await come(store, slug, HOST)
    await come(store, slug, person("g"))
    await store.admission.say(slug, "h", "H", Role.HOST, "price is 9", "side")
    assert (await store.admission.channel_tails(slug, "g"))["side"].events == ()


async def test_notes_go_on_by_compare_and_swap(store: Store, slug: str) -> None:
    await talk(store, slug, None, capacity=5)
    admission = store.admission
    await come(store, slug, person("a"))
    assert not (await admission.notes(slug)).known
    assert await admission.note(slug, "a", 0, 1, b'["x"]', "x") is None  # fill it first
    assert await admission.put_notes(slug, 7, "kept") is True
    assert await admission.put_notes(slug, 9, "other") is False
    found = await admission.notes(slug)
    assert (found.rev, found.text, found.known) == (7, "kept", True)
    assert await admission.note_ops(slug, 7) == ()
    assert await admission.note_ops(slug, 6) is None and await admission.note_ops(slug, 8) is None
    quick = await asyncio.gather(
        *(admission.note(slug, "a", 7, 8, b'[4,"%d"]' % i, f"kept{i}") for i in range(5))
    )
    assert sorted(quick, key=bool) == [None, None, None, None, Noted(seq=1, rev=8)]
    found = await admission.notes(slug)
    assert found.rev == 8 and await admission.note_ops(slug, 7) == (
        b'[4,"%s"]' % found.text[4:].encode(),
    )
    (event,) = (await admission.since(slug, (await admission.view(slug)).epoch, 0)).events
    assert (event.kind, event.by) == ("note", "a")
    assert msgspec.json.decode(event.body) == {"rev": 8, "ops": [4, found.text[4:]]}
    for who, rev, ops, text, code in (
        ("x", 9, b"[]", "", Code.NOT_IN_ROOM), ("a", 10, b"[]", "", Code.BAD_MESSAGE),
        ("a", 9, b"{}", "", Code.BAD_MESSAGE), ("a", 9, b"[\n]", "", Code.BAD_MESSAGE),
        ("a", 9, b"[]", "x" * 80_001, Code.TOO_LARGE),
    ):  # fmt: skip
        assert (await refused(admission.note(slug, who, 8, rev, ops, text))).code is code
    for rev in range(9, 510):
        await admission.note(slug, "a", rev - 1, rev, b"[-1]", "")
    assert await admission.note_ops(slug, 8) is None
    assert len(await admission.note_ops(slug, 9) or ()) == 500
    assert (await admission.notes(slug)).rev == 509
    assert 80_000 < await store.submitter.call("TTL", room_key(slug, "notes")) <= 86_400


async def test_a_change_sent_again_is_taken_once(store: Store, slug: str) -> None:
    await talk(store, slug, None, capacity=5)
    admission = store.admission
    for id in ("a", "b"):
        await come(store, slug, person(id))
    await admission.put_notes(slug, 0, "")
    first = await admission.note(slug, "a", 0, 1, b'["x"]', "x", "page-1")
    assert first == Noted(1, 1)
    assert await admission.note(slug, "b", 1, 2, b'[1,"y"]', "xy", "page-1") == Noted(2, 2), (
        "a name is one's own"
    )
    again = await asyncio.gather(
        *(admission.note(slug, "a", 2, 3, b'[2,"x"]', "xyx", "page-1") for _ in range(4))
    )
    assert again == [first] * 4
    assert await admission.note_ops(slug, 0, "a", "page-1") == first
    assert await admission.note_ops(slug, 1, "a", "page-2") == (b'[1,"y"]',)
    assert await admission.note_ops(slug, 1, "a", "page") == (b'[1,"y"]',), "the whole name"
    found = await admission.notes(slug, "a", "page-1")
    assert (found.rev, found.text, found.taken) == (2, "xy", 1)
    assert (await admission.notes(slug, "a", "page-2")).taken is None
    epoch = (await admission.view(slug)).epoch
    bodies = [e.body for e in (await admission.since(slug, epoch, 0)).events]
    assert [msgspec.json.decode(body) for body in bodies] == [
        {"rev": 1, "ops": ["x"], "change": "page-1"},
        {"rev": 2, "ops": [1, "y"], "change": "page-1"},
    ]
    for name in ("a b", "x" * 65, "é", 'a"', "a:1:1"):
        bad = admission.note(slug, "a", 2, 3, b"[2]", "xy", name)
        assert (await refused(bad)).code is Code.BAD_MESSAGE, name
    # The last four of each person are known, and of a thousand people who wrote.
    for rev in range(3, 7):
        await admission.note(slug, "a", rev - 1, rev, b"[2]", "xy", f"page-{rev}")
    known = [(await admission.notes(slug, "a", f"page-{n}")).taken for n in (1, 3, 4, 5, 6)]
    assert known == [None, 3, 4, 5, 6]
    others = [part for n in range(998) for part in (f"c:p{n}", f"z:{100 + n}:1")]
    key = room_key(slug, "notes")
    await store.submitter.call("HSET", key, *others)
    await come(store, slug, person("late"))
    await admission.note(slug, "late", 6, 7, b"[2]", "xy", "page-7")
    assert await store.submitter.call("HLEN", key) == 1002
    assert (await admission.notes(slug, "b", "page-1")).taken is None, "who wrote longest ago"
    assert (await admission.notes(slug, "a", "page-6")).taken == 6
    assert (await admission.notes(slug, "late", "page-7")).taken == 7


async def test_the_server_tells_numbered_events_of_talks_alone(store: Store, slug: str) -> None:
    await talk(store, slug, None, capacity=5)
    tell = store.admission.tell
    assert await tell(slug, "timer", None, b'{"ends_at":"x"}') == 1
    assert await tell(slug, "file", "a", b'{"id":"f"}') == 2
    for kind, body in (("chat", b"{}"), ("note", b"{}"), ("file", b'{"a":\n1}')):
        assert (await refused(tell(slug, kind, "a", body))).code is Code.BAD_MESSAGE
    view = await store.admission.view(slug)
    events = (await store.admission.since(slug, view.epoch, 0)).events
    assert [(e.seq, e.kind, e.by) for e in events] == [(1, "timer", None), (2, "file", "a")]
    await store.admission.close(slug, MODERATOR, MODERATOR.role)
    assert (await refused(tell(slug, "file", "a", b"{}"))).code is Code.ROOM_CLOSED
    await store.admission.load(RoomSpec(slug=slug + "-c", title=""))
    assert (await refused(tell(slug + "-c", "file", "a", b"{}"))).code is Code.WRONG_MODE


async def test_changed_sides_take_effect_at_once(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    spec = await talk(store, slug, Mode.MANY_TO_MANY, capacity=6, sides={"acme": 1, "bolt": 1})
    await come(store, slug, of("a", "acme"))
    await come(store, slug, of("b1", "bolt"))
    await come(store, slug, of("b2", "bolt"))
    await come(store, slug, of("a2", "acme"))
    changed = structs.replace(spec, sides={"acme": 1, "cog": 1})
    await store.admission.settings(changed)
    (told,) = await until(heard, DetachedNotice)
    assert (told.id, told.why) == ("b2", "evicted")  # the place would lead nowhere
    assert (await store.admission.view(slug)).spec.sides == {"acme": 1, "cog": 1}
    await store.admission.settings(structs.replace(spec, sides={"acme": 2, "cog": 1}))
    (promoted,) = await until(heard, PromotedNotice)
    assert promoted.id == "a2"


async def test_names_and_companies_cannot_pass_for_a_side_or_a_role(
    store: Store, slug: str
) -> None:
    await talk(store, slug, Mode.MANY_TO_MANY, capacity=6, sides={"acme": 1, "guest": 3})
    for i, text in enumerate(
        ('","side":"acme"', 'x","role":"host","side":"acme', '\\","side":"acme')
    ):
        trick = Identity(id=f"t{i}", name=text, company=text)
        await come(store, slug, trick)
        assert (await store.admission.person(slug, f"t{i}") or trick).side == "guest"
    await come(store, slug, of("k", "acme"), knock=True)
    say = store.admission.say(slug, "t1", "T", Role.PARTICIPANT, "hello", "lobby:k")
    assert (await refused(say)).code is Code.FORBIDDEN
