"""I1-I16 as a stateful model: the same random acts on Valkey, on Redis 7 and on paper.

After each act the whole room is read from both servers and compared with the model, and
the invariants of notes/realtime.md 2.5 are asserted on what was read. In ``make test``
10 seeds make 20,000 acts; the longer run is

    PAVILION_STORE_ACTS=1000000 pytest tests/store/test_invariants.py --timeout=0
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from hub.embedded import EmbeddedStore, find_server
from hub.ports import Queued, Renewal, Seated
from hub.store import Store
from hub.store.keys import room_keys
from rooms.errors import Refusal
from rooms.model import Attachment, AttachmentKind, Identity, Role, RoomSpec
from tests.store.model import Room
from tests.store.servers import clocked_room, connected

ACTS = int(os.environ.get("PAVILION_STORE_ACTS", "20000"))
SEEDS = 10
#: Finding is enough for CI; PAVILION_STORE_SHRINK=1 makes a failure small (minutes).
PHASES = (Phase.generate, Phase.shrink)[: 1 + bool(os.environ.get("PAVILION_STORE_SHRINK"))]
ACTS_AN_EXAMPLE = 100
AUDIT = (Path(__file__).parent / "audit.lua").read_text()

#: A person's role is part of who they are here, so that classes mix in every queue.
PEOPLE = {
    **{f"p{i}": Role.PARTICIPANT for i in range(9)},
    "h0": Role.HOST, "s0": Role.SPEAKER, "m0": Role.MODERATOR, "r0": Role.PARTICIPANT,
}  # fmt: skip
MODERATOR = Identity(id="boss", name="Boss", role=Role.MODERATOR)
people = st.sampled_from(sorted(PEOPLE))
kinds = st.sampled_from(list(AttachmentKind))
silences = st.sampled_from([0, 0, 4_000, 15_000, 40_000])


def identity(person: str) -> Identity:
    return Identity(id=person, name=person, role=PEOPLE[person], reserved=person == "r0")


class Rig:
    """Two stores on two servers and one loop, for all examples."""

    current: ClassVar[Rig]

    def __init__(self, urls: list[str]) -> None:
        self.loop = uvloop.new_event_loop()
        self.now = 0
        self.acts = 0
        self.rooms = count()
        self.stores: list[Store] = [
            self.loop.run_until_complete(connected(url, clock=lambda: self.now, log_events=50))
            for url in urls
        ]

    def each(self, act: Callable[[Store], Awaitable[Any]]) -> list[Any]:
        async def both() -> list[Any]:
            return await asyncio.gather(*(answer(act(store)) for store in self.stores))

        return self.loop.run_until_complete(both())

    def close(self) -> None:
        for store in self.stores:
            self.loop.run_until_complete(store.close())
        self.loop.close()


async def answer(act: Awaitable[Any]) -> Any:
    """What the port answered, in the model's words."""
    try:
        found = await act
    except Refusal as refusal:
        return (refusal.code.value,)
    if isinstance(found, Seated):
        return ("seated", found.gen, found.new, found.replaced and found.replaced.id)
    if isinstance(found, Queued):
        return ("queued", found.position, found.total)
    return found


def said(answer: object) -> object:
    """The model's number of an event, or its refusal."""
    return answer if isinstance(answer, int) else (answer,)


def pairs(flat: list[Any]) -> dict[str, int]:
    return {p.decode(): int(float(d)) for p, d in zip(flat[::2], flat[1::2], strict=True)}


class Admission(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig.current
        self.slug = f"model-{next(self.rig.rooms)}"
        self.ids = count()
        self.room = Room(capacity=4, reserved=1, stage_cap=2, waitlist_max=6)
        self.known: list[tuple[str, AttachmentKind, str]] = []
        self.rig.now = self.room.now
        spec = RoomSpec(slug=self.slug, title="", capacity=4, reserved=1, stage_capacity=2)

        async def make(store: Store) -> None:
            await clocked_room(store, spec)
            key = room_keys(self.slug)[0]
            await store.submitter.call("HSET", key, "wmax", 6)

        self.rig.each(make)
        self.before = 0
        self.top = 0

    # --- people ---------------------------------------------------------------------------

    def attachment(self, person: str, kind: AttachmentKind) -> Attachment:
        made = Attachment(kind, f"a{next(self.ids)}", "hub-1")
        self.known = [*self.known[-39:], (person, kind, made.id)]
        return made

    @rule(person=people, wait=st.booleans())
    def enter(self, person: str, wait: bool) -> None:
        self.enters(person, AttachmentKind.SOCKET, wait)

    @rule(person=people)
    def enter_for_media_alone(self, person: str) -> None:
        self.enters(person, AttachmentKind.SUBSCRIBE, False)

    def enters(self, person: str, kind: AttachmentKind, wait: bool) -> None:
        who, made = identity(person), self.attachment(person, kind)
        expected = self.room.enter(
            person, who.privileged, who.role is Role.HOST,
            who.role in {Role.HOST, Role.MODERATOR}, made.kind.value, made.id, wait,
        )  # fmt: skip
        self.agree(lambda s: s.admission.enter(self.slug, who, made, wait=wait), expected)

    @rule(person=people)
    def resume(self, person: str) -> None:
        who, made = identity(person), self.attachment(person, AttachmentKind.SOCKET)
        host = who.role is Role.HOST
        expected = self.room.resume(person, who.privileged, host, made.id)
        self.agree(lambda s: s.admission.resume(self.slug, who, made), expected)

    @rule(person=people, kind=st.sampled_from([AttachmentKind.PUBLISH, AttachmentKind.SUBSCRIBE]))
    def attach(self, person: str, kind: AttachmentKind) -> None:
        made = self.attachment(person, kind)
        expected = self.room.attach(person, kind.value, made.id)
        self.agree(lambda s: s.admission.attach(self.slug, person, made), expected)

    @rule(back=st.integers(0, 39), silent=silences)
    def renew_many(self, back: int, silent: int) -> None:
        """From ``back`` attachments ago to now: stale ones among them."""
        asked = self.known[-back - 1 :]
        lost = [
            Renewal(self.slug, p, k, i, silent)
            for p, k, i in asked
            if not self.room.renew(p, k.value, i, silent)
        ]
        renewals = [Renewal(self.slug, p, k, i, silent) for p, k, i in asked]
        self.agree(lambda s: s.admission.renew(renewals), lost)

    def one_of(self, back: int) -> tuple[str, AttachmentKind, str]:
        if not self.known:
            return "p0", AttachmentKind.SOCKET, "never"
        return self.known[-1 - back % len(self.known)]

    @rule(back=st.integers(0, 12), silent=silences)
    def drop(self, back: int, silent: int) -> None:
        p, k, i = self.one_of(back)
        self.room.drop(p, k.value, i, silent)
        self.agree(lambda s: s.admission.drop(self.slug, p, k, i, silent), None)

    @rule(back=st.integers(0, 12))
    def detach(self, back: int) -> None:
        p, k, i = self.one_of(back)
        self.room.detach(p, k.value, i)
        self.agree(lambda s: s.admission.detach(self.slug, p, k, i), None)

    @rule(back=st.integers(0, 12))
    def leave(self, back: int) -> None:
        p, _, i = self.one_of(back)
        expected = self.room.leave(p, i)
        self.agree(lambda s: s.admission.leave(self.slug, p, i), expected)

    @rule(person=people, up=st.booleans())
    def hand(self, person: str, up: bool) -> None:
        word = self.room.hand(person, up)
        expected = None if word == "ok" else (word,)
        self.agree(lambda s: s.admission.hand(self.slug, person, up), expected)

    @rule(person=people)
    def say(self, person: str) -> None:
        expected = said(self.room.say(person))
        role = PEOPLE[person]
        self.agree(lambda s: s.admission.say(self.slug, person, "x", role, "hello"), expected)

    # --- those who run the room, and time -------------------------------------------------

    @rule(capacity=st.integers(1, 8), reserved=st.integers(0, 3), evict=st.booleans())
    def capacity(self, capacity: int, reserved: int, evict: bool) -> None:
        reserved = min(reserved, capacity)
        expected = said(self.room.set_capacity(capacity, reserved, evict))
        self.agree(
            lambda s: s.admission.capacity(
                self.slug, MODERATOR, MODERATOR.role, capacity, reserved=reserved, evict=evict
            ),
            expected,
        )

    @rule(locked=st.booleans())
    def lock(self, locked: bool) -> None:
        expected = said(self.room.lock(locked))
        self.agree(
            lambda s: s.admission.lock(self.slug, MODERATOR, MODERATOR.role, locked, None),
            expected,
        )

    @rule(person=people, ban_s=st.sampled_from([0, 0, 20]))
    def remove(self, person: str, ban_s: int) -> None:
        expected = said(self.room.remove(person, ban_s))
        self.agree(
            lambda s: s.admission.remove(
                self.slug, MODERATOR, MODERATOR.role, person, ban_s=ban_s
            ),
            expected,
        )  # fmt: skip

    @rule(person=people, on=st.booleans())
    def stage(self, person: str, on: bool) -> None:
        expected = said(self.room.set_stage(person, on))
        self.agree(
            lambda s: s.admission.stage(self.slug, MODERATOR, MODERATOR.role, person, on), expected
        )

    @rule(ms=st.sampled_from([1, 500, 5_000, 9_000, 20_000, 31_000]))
    def time_passes(self, ms: int) -> None:
        self.room.now += ms
        self.rig.now = self.room.now

    @rule()
    def sweep(self) -> None:
        self.room.tidy()
        self.agree(lambda s: swept(s, self.slug), None)

    @rule(sure=st.integers(0, 200))
    def close(self, sure: int) -> None:
        if sure == 0:
            expected = self.room.close()
            self.agree(lambda s: s.admission.close(self.slug, MODERATOR, MODERATOR.role), expected)

    # --- comparing ------------------------------------------------------------------------

    def agree(self, act: Callable[[Store], Awaitable[Any]], expected: Any) -> None:
        async def act_and_read(store: Store) -> tuple[Any, list[Any]]:
            keys = room_keys(self.slug)
            given = await answer(act(store))
            return given, await store.submitter.call("EVAL", AUDIT, len(keys), *keys, self.slug)

        self.rig.acts += 1
        for given, read in self.rig.each(act_and_read):
            assert given == expected
            self.compare(read)
        self.top = self.room.seq
        self.before = self.room.occupied()

    def compare(self, read: list[Any]) -> None:
        room, now = self.room, self.room.now
        live, held, offered, priv = (pairs(read[i]) for i in range(4))
        for state, table in (("live", live), ("held", held), ("offered", offered)):
            expected = {p: s.deadline for p, s in room.seats.items() if s.state == state}
            assert table == expected, state
        seated = {**live, **held, **offered}
        assert len(seated) == len(live) + len(held) + len(offered)  # in exactly one
        assert priv == {p: s.deadline for p, s in room.seats.items() if s.priv}
        assert [p.decode() for p in read[5]] == [w.person for w in room.queue]  # I6
        assert [p.decode() for p in read[6]] == [w.person for w in room.queue if w.priv]
        assert pairs(read[7]) == {w.person: w.deadline for w in room.queue}
        assert not seated.keys() & {p.decode() for p in read[5]}
        assert [p.decode() for p in read[8]] == room.stage
        assert [p.decode() for p in read[9]] == room.hands
        assert {*room.stage, *room.hands} <= seated.keys() and len(room.stage) <= room.stage_cap
        assert pairs(read[10]) == {p: s.order for p, s in room.seats.items()}
        atts = {name.decode(): value.decode() for name, value in
                zip(read[4][::2], read[4][1::2], strict=True)}  # fmt: skip
        assert atts == {
            f"{kind}:{who}": f"{deadline}\thub-1\t{att}"
            for who, table in self.attachments().items()
            for kind, (att, deadline) in table.items()
        }
        assert {p.decode() for p in read[17]} == self.attachments().keys()
        occupied = sum(d > now for d in seated.values())
        if occupied > self.before:
            assert occupied <= room.capacity  # I1
        deadlines = [*seated.values(), *pairs(read[7]).values()]
        if deadlines:
            assert read[11] and float(read[11]) <= min(deadlines)  # I12
        assert int(read[13]) == room.seq and room.seq - self.top in {0, 1}  # I11
        assert int(read[14]) == room.counter
        assert int(read[15]) == min(room.seq, 50)
        assert not room.seq or read[16] == b"%d-0" % room.seq

    def attachments(self) -> dict[str, dict[str, tuple[str, int]]]:
        return {p: s.atts for p, s in self.room.seats.items()} | {
            w.person: w.atts for w in self.room.queue
        }


async def swept(store: Store, slug: str) -> None:
    await store.admission._gate.run("sweep", slug)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    redis7 = shutil.which("redis-server")
    assert redis7, "redis-server is missing: `make setup` installs it"
    # Servers of their own: other tests' sweepers do not know this test's clock.
    servers = [
        EmbeddedStore(tmp_path_factory.mktemp("model"), binary=binary, persist=False)
        for binary in (find_server(), Path(redis7))
    ]
    for server in servers:
        server.start()
    try:
        rig = Rig([server.url for server in servers])
        yield rig
        rig.close()
    finally:
        for server in servers:
            server.kill()


@pytest.mark.parametrize("number", range(SEEDS))
def test_random_acts_agree_with_the_model(rig: Rig, number: int) -> None:
    Rig.current = rig
    began = rig.acts
    examples = max(1, ACTS // SEEDS // ACTS_AN_EXAMPLE)
    while rig.acts - began < ACTS // SEEDS:
        run_state_machine_as_test(
            seed(number + SEEDS * (rig.acts - began))(Admission),
            settings=settings(
                max_examples=examples, stateful_step_count=ACTS_AN_EXAMPLE, deadline=None,
                database=None, phases=PHASES, suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip
