"""What the port promises of acts, views and events, case by case, on both servers."""

from __future__ import annotations

import msgspec

from hub.store import Store
from hub.store.keys import room_keys
from rooms.errors import Code
from rooms.model import (
    Attachment,
    Role,
    RoomSpec,
    RoomState,
    SeatState,
    Source,
    SourceState,
)
from rooms.notices import DetachedNotice, EventNotice, Notice
from tests.store.servers import (
    MODERATOR,
    PUBLISH,
    connected,
    make,
    person,
    refused,
    socket,
    until,
)


async def test_rights_are_read_where_the_act_happens(store: Store, slug: str) -> None:
    await make(store, slug)
    admission, who, role = store.admission, person("a"), Role.PARTICIPANT
    await admission.enter(slug, who, socket("1"), wait=True)
    before = await admission.view(slug)
    for act in (
        admission.capacity(slug, who, role, 9), admission.lock(slug, who, role, True, None),
        admission.remove(slug, who, role, "a"), admission.unban(slug, who, role, "a"),
        admission.stage(slug, who, role, "a", True), admission.close(slug, who, role),
        admission.mute(slug, who, role, "a", Source.CAMERA),
        admission.chat_mode(slug, who, role, "off", 0), admission.announce(slug, who, role, "x"),
        admission.remove(slug, who, Role.HOST, "a", ban_s=5),
        admission.capacity(slug, who, Role.HOST, 9),
    ):  # fmt: skip
        assert (await refused(act)).code is Code.FORBIDDEN
    assert await admission.view(slug) == before


async def test_stage_sources_and_what_unstaging_ends(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await make(store, slug, stage_capacity=2)
    admission, act = store.admission, (MODERATOR, MODERATOR.role)
    await admission.enter(slug, person("h", Role.HOST), socket("1"), wait=True)
    await admission.enter(slug, person("a"), socket("2"), wait=True)
    await admission.enter(slug, person("b"), socket("3"), wait=True)
    camera = Attachment(PUBLISH, "p1", "hub-1")
    assert (await refused(admission.attach(slug, "a", camera))).code is Code.NOT_ON_STAGE
    assert (await refused(admission.stage(slug, *act, "x", True))).code is Code.NOT_IN_ROOM
    await admission.hand(slug, "a", True)
    await admission.hand(slug, "b", True)
    await admission.stage(slug, *act, "a", True)
    assert (await refused(admission.stage(slug, *act, "b", True))).code is Code.STAGE_FULL
    await admission.attach(slug, "a", camera)
    await admission.sources(slug, "a", {Source.CAMERA: False, Source.MICROPHONE: False})
    await admission.mute(slug, *act, "a", Source.MICROPHONE)
    view = await admission.view(slug)
    assert [m.id for m in view.stage] == ["h", "a"] and view.hands == ("b",)
    assert view.stage[1].sources == (
        SourceState(Source.CAMERA, False), SourceState(Source.MICROPHONE, True),
    )  # fmt: skip
    whip = admission.enter(
        slug, person("w", Role.SPEAKER), Attachment(PUBLISH, "w", "h"), wait=False, stage=True
    )
    assert (await refused(whip)).code is Code.STAGE_FULL
    down = await admission.stage(slug, person("a"), Role.PARTICIPANT, "a", False)
    (told,) = await until(heard, DetachedNotice)
    assert (told.attachment, told.why) == ("p1", "unstaged")
    assert await admission.stage(slug, *act, "a", False) == down
    a = await admission.person(slug, "a")
    assert a is not None and not a.stage and a.state is SeatState.LIVE


async def test_chat_is_numbered_kept_and_moderated(store: Store, slug: str) -> None:
    await make(store, slug, slow_mode_s=30)
    admission, act = store.admission, (MODERATOR, MODERATOR.role)
    await admission.enter(slug, person("a"), socket("1"), wait=True)
    say = admission.say
    assert (await refused(say(slug, "z", "Z", Role.PARTICIPANT, "x"))).code is Code.NOT_IN_ROOM
    assert await say(slug, "a", "A", Role.PARTICIPANT, "hé \u2028 \x00 </script>") == 1
    slow = await refused(say(slug, "a", "A", Role.PARTICIPANT, "again"))
    assert slow.code is Code.RATE_LIMITED and 29_000 < (slow.retry_after_ms or 0) <= 30_000
    assert await admission.chat_mode(slug, *act, "off", 0) == 2
    assert (await refused(say(slug, "a", "A", Role.PARTICIPANT, "x"))).code is Code.FORBIDDEN
    snapshot = await admission.snapshot(slug)
    body = msgspec.json.decode(snapshot.chat[0].body)
    assert body == {"text": "hé \u2028 \x00 </script>", "name": "A"}
    assert snapshot.view.seq == 2 and snapshot.view.spec.chat == "off"
    stranger = person("b")
    await admission.enter(slug, stranger, socket("2"), wait=True)
    unsay = admission.unsay
    assert (await refused(unsay(slug, stranger, stranger.role, 1))).code is Code.FORBIDDEN
    assert (await refused(unsay(slug, *act, 99))).code is Code.BAD_MESSAGE
    assert await unsay(slug, person("a"), Role.PARTICIPANT, 1) == 3
    assert not (await admission.snapshot(slug)).chat


async def test_since_gives_each_missed_event_once_or_a_gap(url: str, slug: str) -> None:
    store = await connected(url, log_events=50)
    try:
        await make(store, slug)
        for i in range(60):
            await store.admission.announce(slug, MODERATOR, MODERATOR.role, str(i))
        epoch = (await store.admission.view(slug)).epoch
        missed = await store.admission.since(slug, epoch, 20)
        assert [e.seq for e in missed.events] == list(range(21, 61)) and not missed.gap
        assert not (await store.admission.since(slug, epoch, 10)).gap
        for at_epoch, seq in ((epoch, 9), (epoch, 61), ("other", 60)):
            gap = await store.admission.since(slug, at_epoch, seq)
            assert gap.gap and not gap.events and gap.seq == 60
    finally:
        await store.close()


async def test_the_roster_pages_without_hole_or_repeat_while_people_come_and_go(
    store: Store, slug: str
) -> None:
    await make(store, slug, capacity=500)
    admission = store.admission
    for i in range(120):
        await admission.enter(slug, person(f"p{i:03}"), socket(f"{i}"), wait=True)
    await admission.enter(slug, person("host", Role.HOST), socket("h"), wait=True)
    await admission.enter(slug, person("mod", Role.MODERATOR), socket("m"), wait=True)
    await admission.hand(slug, "p077", True)
    first = (await admission.snapshot(slug)).roster
    assert [p.id for p in first.items[:4]] == ["host", "p077", "mod", "p000"]
    assert first.total == 122 and len(first.items) == 53
    seen, cursor = [p.id for p in first.items], first.next
    leaving = iter(["p001", "p060", "p119"])
    while cursor:
        gone = next(leaving, None)
        if gone:
            await admission.leave(slug, gone, str(int(gone[1:])))
        page = await admission.roster(slug, cursor, 30)
        seen += [p.id for p in page.items]
        cursor = page.next
    assert len(seen) == len(set(seen))
    assert {f"p{i:03}" for i in range(120)} - {"p060", "p119"} <= set(seen)
    people, following = await admission.participants(slug, None, None, 100)
    rest, end = await admission.participants(slug, None, following, 100)
    assert len(people) + len(rest) == 119 and end is None


async def test_lowering_evicts_nobody_unless_asked_then_the_newest_first(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await make(store, slug, capacity=5)
    admission = store.admission
    for name in ("a", "b", "c"):
        await admission.enter(slug, person(name), socket(name), wait=True)
    await admission.enter(slug, person("h", Role.HOST), socket("h"), wait=True)
    await admission.capacity(slug, MODERATOR, MODERATOR.role, 2)
    assert (await admission.view(slug)).counts.live == 4
    await admission.capacity(slug, MODERATOR, MODERATOR.role, 2, evict=True)
    told = await until(heard, DetachedNotice, 2)
    assert [(n.id, n.why) for n in told] == [("c", "evicted"), ("b", "evicted")]
    events = [e.kind for e in heard if isinstance(e, EventNotice)]
    assert events == ["capacity"]


async def test_closing_sends_everyone_away_and_stays(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await make(store, slug, capacity=1)
    admission = store.admission
    await admission.enter(slug, person("a"), socket("1"), wait=True)
    await admission.enter(slug, person("b"), socket("2"), wait=True)
    seq = await admission.close(slug, MODERATOR, MODERATOR.role)
    assert await admission.close(slug, MODERATOR, MODERATOR.role) == seq
    told = await until(heard, DetachedNotice, 2)
    assert {(n.id, n.why) for n in told} == {("a", "closed"), ("b", "closed")}
    view = await admission.view(slug)
    assert view.state is RoomState.CLOSED and view.counts.occupied + view.counts.waiting == 0
    late = await refused(admission.enter(slug, person("a"), socket("3"), wait=True))
    assert late.code is Code.ROOM_CLOSED
    assert await store.submitter.call("ZSCORE", room_keys(slug)[18], slug) is None


async def test_a_changed_configuration_takes_effect_with_its_events(
    store: Store, slug: str
) -> None:
    await make(store, slug, capacity=1)
    admission = store.admission
    await admission.enter(slug, person("a"), socket("1"), wait=True)
    await admission.enter(slug, person("b"), socket("2"), wait=True)
    await admission.settings(RoomSpec(slug=slug, title="New", capacity=2, chat="off"))
    view = await admission.view(slug)
    assert (view.spec.title, view.spec.capacity, view.counts.offered) == ("New", 2, 1)
    kinds = [e.kind for e in (await admission.since(slug, view.epoch, 0)).events]
    assert kinds == ["capacity", "chat_mode"]
    await admission.settings(RoomSpec(slug=slug + "-new", title="N"))
    assert (await admission.view(slug + "-new")).state is RoomState.OPEN
