"""I1-I16 as a stateful model: the same random acts on Valkey, on Redis 7 and on paper.

After each act the whole room is read from both servers and compared with the model, and
the invariants are asserted on what was read:

I1   nobody is let in while as many as the capacity are in; over it, the number only falls
I2   one generation of a person's seat is served: an older attachment is stale
I3   entering again is the same seat with a newer generation
I4   a stale attachment changes nothing
I5   an expired seat is never extended
I6   the queue is in order, its positions 1 to n, nobody is in it and in a seat
I7   unlocked and with a seat free for someone waiting, nobody waits
I8   locked, nobody new comes in but who may pass
I9   who is banned has neither seat nor place, and gets none
I10  the stage is of people with seats, within its own capacity
I11  events are numbered without a hole; the log keeps the last of them
I12  the sweeper is due no later than the earliest deadline
I13  the board's row is what the tables hold
I14  the same act asked again is answered alike, with one event
I15  any argument ends in a documented answer (test_whole.py)
I16  a room's keys share one slot (test_whole.py)

and of negotiation rooms:

I17  one_to_one never seats a third person; no side has more seats than it was given
I18  who knocks is in the queue and never in a seat; unlocked, nobody waits but who knocks or
     has a full side or room before them
I19  who was removed or denied has neither seat nor place, for good
I20  media is direct while four or fewer are seated; each change is one event
I21  a channel's numbers follow each other, whoever speaks elsewhere

10 seeds make 20,000 acts in ``make test``, 100,000 in ``make test-all``, and a quarter as many in
negotiation rooms besides; the longer run is

    PAVILION_STORE_ACTS=1000000 .venv/bin/pytest tests/store/test_invariants.py --timeout=0
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from hub.embedded import EmbeddedStore, find_server
from hub.ports import Renewal
from hub.store import Store
from hub.store.keys import room_keys
from rooms.model import Attachment, AttachmentKind, Identity, Kind, Mode, Role, RoomSpec
from tests.store.model import Room, Seat, Talk, Waiter
from tests.store.rig import Rig, answer, pairs, said, swept
from tests.store.servers import clocked_room

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


class Admission(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig.current
        self.slug = f"model-{next(self.rig.rooms)}"
        self.ids = count()
        self.room, spec = self.begin()
        self.known: list[tuple[str, AttachmentKind, str]] = []
        self.rig.now = self.room.now

        async def make(store: Store) -> None:
            await clocked_room(store, spec)
            key = room_keys(self.slug)[0]
            await store.submitter.call("HSET", key, "wmax", 6)

        self.rig.each(make)
        self.before = 0
        self.top = 0
        self.had: set[str] = set()
        self.was_locked = self.tidied = False
        #: Who was where at the last act and the board's row of that, and those of this act.
        self.people: tuple[Any, ...] = ()
        self.row = ""
        self.told: tuple[tuple[Any, ...], str] = ((), "")

    def begin(self) -> tuple[Room, RoomSpec]:
        """The room as the model and as the store have it."""
        spec = RoomSpec(slug=self.slug, title="", capacity=4, reserved=1, stage_capacity=2)
        return Room(capacity=4, reserved=1, stage_cap=2, waitlist_max=6), spec

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
        self.agree(
            lambda s: s.admission.enter(self.slug, who, made, wait=wait), expected, tidied=True
        )

    @rule(person=people)
    def resume(self, person: str) -> None:
        who, made = identity(person), self.attachment(person, AttachmentKind.SOCKET)
        host = who.role is Role.HOST
        expected = self.room.resume(person, who.privileged, host, made.id)
        self.agree(lambda s: s.admission.resume(self.slug, who, made), expected, tidied=True)

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
            # What a talk can not be is refused before anything is looked at.
            tidied=expected not in {("bad_message",), ("wrong_mode",)},
        )

    @rule(locked=st.booleans())
    def lock(self, locked: bool) -> None:
        expected = said(self.room.lock(locked))
        self.agree(
            lambda s: s.admission.lock(self.slug, MODERATOR, MODERATOR.role, locked, None),
            expected,
            tidied=True,
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
        self.agree(lambda s: swept(s, self.slug), None, tidied=True)

    @rule(sure=st.integers(0, 200))
    def close(self, sure: int) -> None:
        if sure == 0:
            expected = self.room.close()
            self.agree(lambda s: s.admission.close(self.slug, MODERATOR, MODERATOR.role), expected)

    # --- comparing ------------------------------------------------------------------------

    def agree(
        self, act: Callable[[Store], Awaitable[Any]], expected: Any, *, tidied: bool = False
    ) -> None:
        """The answer and the whole room after it are the model's, on both servers.

        The model gives a seat of a person one generation, has a stale attachment, an expired
        seat, a lock and a ban change nothing, and answers a repeated act with the event there
        was: where answers and tables agree, I2-I5, I8, I9 and I14 hold.
        """

        async def act_and_read(store: Store) -> tuple[Any, list[Any]]:
            keys = room_keys(self.slug)
            given = await answer(act(store))
            return given, await store.submitter.call("EVAL", AUDIT, len(keys), *keys, self.slug)

        self.rig.acts += 1
        self.tidied = tidied
        if isinstance(self.room, Talk):
            self.room.settle()
        for given, read in self.rig.each(act_and_read):
            assert given == expected
            self.compare(read)
        self.top = self.room.seq
        self.people, self.row = self.told
        self.had, self.was_locked = set(self.room.seats), self.room.locked
        self.before = self.room.occupied()

    def compare(self, read: list[Any]) -> None:
        room, now = self.room, self.room.now
        live, held, offered, priv = (pairs(read[i]) for i in range(4))
        for state, table in (("live", live), ("held", held), ("offered", offered)):
            expected = {p: s.deadline for p, s in room.seats.items() if s.state == state}
            assert table == expected, state
        seated = {**live, **held, **offered}
        assert len(seated) == len(live) + len(held) + len(offered)  # I3: in exactly one
        assert priv == {p: s.deadline for p, s in room.seats.items() if s.priv}
        assert [p.decode() for p in read[5]] == [w.person for w in room.queue]  # I6
        assert [p.decode() for p in read[6]] == [w.person for w in room.queue if w.priv]
        assert pairs(read[7]) == {w.person: w.deadline for w in room.queue}
        assert not seated.keys() & {p.decode() for p in read[5]}  # I6
        assert [p.decode() for p in read[8]] == room.stage
        assert [p.decode() for p in read[9]] == room.hands
        assert {*room.stage, *room.hands} <= seated.keys()  # I10
        if not isinstance(room, Talk):  # there it is as large as the room, which may shrink
            assert len(room.stage) <= room.stage_cap  # I10
        assert pairs(read[10]) == {p: s.order for p, s in room.seats.items()}
        # I2, I4, I5: each attachment as the model has it, none of them revived or extended.
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
        self.compare_row(read[12].decode(), (live, held, offered, priv))
        if self.was_locked and room.locked:
            came = seated.keys() - self.had
            assert {PEOPLE[p] for p in came} <= {Role.HOST, Role.MODERATOR}  # I8
        here = seated.keys() | pairs(read[7]).keys()
        assert not {p for p in here if room.banned(p)}  # I9
        if isinstance(room, Talk):
            self.compare_talk(room, read, seated)
        elif self.tidied and not room.locked:
            taken = sum(d > now for d in priv.values())
            free = room.capacity - occupied
            assert not read[6] or free <= 0  # I7
            assert not read[5] or free <= max(0, room.reserved - taken)  # I7
        deadlines = [*seated.values(), *pairs(read[7]).values()]
        if deadlines:
            assert read[11] and float(read[11]) <= min(deadlines)  # I12
        most = 2 if isinstance(room, Talk) else 1  # a change of media mode besides
        assert int(read[13]) == room.seq and room.seq - self.top in range(most + 1)  # I11
        assert int(read[14]) == room.counter
        assert int(read[15]) == min(room.seq, 50)
        assert not room.seq or read[16] == b"%d-0" % room.seq

    def compare_row(self, row: str, tables: tuple[dict[str, int], ...]) -> None:
        """I13: the row counts what is in the tables, since the last act that changed them."""
        room = self.room
        *counts, privileged = [sum(d > room.now for d in table.values()) for table in tables]
        since = room.queue[0].since if room.queue else 0
        exact = [*counts, len(room.queue), room.capacity, room.reserved, int(room.locked),
                 len(room.stage), len(room.hands), since, "", "", int(room.closed),
                 privileged if room.reserved else -1]  # fmt: skip
        people = (
            *(frozenset(table) for table in tables), tuple(w.person for w in room.queue),
            room.capacity, room.reserved, room.locked, room.closed,
            tuple(room.stage), tuple(room.hands),
        )  # fmt: skip
        # What only time took is counted until somebody sweeps.
        if people != self.people or row != self.row:
            assert row == ",".join(map(str, exact))  # I13
        self.told = (people, row)

    def compare_talk(self, room: Talk, read: list[Any], seated: dict[str, int]) -> None:
        who = {p.decode(): w.decode().split("\t", 3) for p, w in
               zip(read[19][::2], read[19][1::2], strict=True)}  # fmt: skip
        sides = {p: msgspec.json.decode("{" + w[3] + "}")["side"] for p, w in who.items()}
        held: dict[str, Seat | Waiter] = {**room.seats, **{w.person: w for w in room.queue}}
        assert sides == {p: one.side for p, one in held.items()}
        alive = [sides[p] for p, d in seated.items() if d > room.now]
        if room.mode == "one_to_one":
            assert len(alive) <= 2  # I17
        assert not room.sides or all(alive.count(s) <= room.sides.get(s, 0) for s in alive)  # I17
        knocking = {p for p, w in who.items() if w[1] in "23"}
        assert knocking == {w.person for w in room.queue if w.knocks}  # I18
        assert not knocking & seated.keys()  # I18
        if self.tidied and not room.locked:
            for waiter in (w for w in room.queue if not w.knocks):
                full = room.sides and alive.count(waiter.side) >= room.sides[waiter.side]
                assert full or not room.room_for(waiter.priv)  # I18
        assert {p.decode() for p in read[20]} == room.barred  # I19
        here = sum(len(pairs(read[i])) for i in (0, 1))
        assert (
            (read[18].decode() or "direct") == ("sfu" if here > 4 else "direct") == room.media
        )  # I20

    def attachments(self) -> dict[str, dict[str, tuple[str, int]]]:
        return {p: s.atts for p, s in self.room.seats.items()} | {
            w.person: w.atts for w in self.room.queue
        }


#: What each says their side is; p6 says now one, now another.
CLAIMS = {"p0": "acme", "p1": "acme", "p2": "bolt", "p3": "bolt", "p7": "cog", "s0": "bolt"}
TALKS = (
    ("one_to_one", {}, 2, 0), ("one_to_one", {"acme": 1, "guest": 1}, 2, 0),
    ("one_to_many", {}, 6, 2), ("many_to_many", {"acme": 2, "bolt": 2, "guest": 2}, 6, 0),
    ("many_to_many", {}, 7, 0),
)  # fmt: skip
HOSTS = frozenset(p for p, role in PEOPLE.items() if role in {Role.HOST, Role.MODERATOR})
doors = st.sampled_from(["lobby", *(f"lobby:{person}" for person in sorted(PEOPLE))])


class Negotiation(Admission):
    """The same acts in negotiation rooms of every mode, and those only they have."""

    room: Talk
    kinds = count()

    def begin(self) -> tuple[Room, RoomSpec]:
        number = next(self.kinds)
        mode, sides, capacity, reserved = TALKS[number % len(TALKS)]
        lobby = number // len(TALKS) % 2 == 1
        self.spec = RoomSpec(
            slug=self.slug, title="", kind=Kind.NEGOTIATION, mode=Mode(mode), lobby=lobby,
            sides=sides, capacity=capacity, reserved=reserved,
        )  # fmt: skip
        room = Talk(
            capacity=capacity, reserved=reserved, stage_cap=capacity, waitlist_max=6,
            mode=mode, sides=sides, lobby=lobby, hosts=HOSTS,
        )  # fmt: skip
        return room, self.spec

    def enters(self, person: str, kind: AttachmentKind, wait: bool, knock: bool = False) -> None:
        claim = CLAIMS.get(person, ("acme" if wait else "bolt") if person == "p6" else None)
        who = msgspec.structs.replace(identity(person), side=claim)
        made = self.attachment(person, kind)
        expected = self.room.arrive(
            person, who.privileged, person in HOSTS, made.kind.value, made.id, wait, claim, knock
        )
        self.agree(
            lambda s: s.admission.enter(self.slug, who, made, wait=wait, knock=knock),
            expected,
            tidied=True,
        )

    @rule(person=people)
    def knock(self, person: str) -> None:
        self.enters(person, AttachmentKind.SOCKET, True, knock=True)

    @rule(person=people)
    def admit(self, person: str) -> None:
        expected = said(self.room.admit(person))
        self.agree(lambda s: s.admission.admit(self.slug, MODERATOR, MODERATOR.role, person),
                   expected, tidied=not self.room.closed)  # fmt: skip

    @rule(back=st.integers(0, 5))
    def admit_one(self, back: int) -> None:
        knocking = [w.person for w in self.room.queue if w.knocks]
        if knocking:
            self.admit(knocking[back % len(knocking)])

    @rule(person=people)
    def deny(self, person: str) -> None:
        expected = said(self.room.deny(person))
        self.agree(
            lambda s: s.admission.deny(self.slug, MODERATOR, MODERATOR.role, person), expected
        )

    @rule(person=people)
    def unban(self, person: str) -> None:
        self.room.barred.discard(person)
        self.agree(
            lambda s: s.admission.unban(self.slug, MODERATOR, MODERATOR.role, person),
            self.room.seq,
        )

    @rule(on=st.booleans())
    def lobby(self, on: bool) -> None:
        room = self.room
        spec = msgspec.structs.replace(
            self.spec, lobby=on, capacity=room.capacity, reserved=room.reserved, locked=room.locked
        )
        room.set_lobby(on)
        self.agree(lambda s: s.admission.settings(spec), None, tidied=True)

    @rule(person=people, channel=st.one_of(st.just("side"), doors))
    def whisper(self, person: str, channel: str) -> None:
        expected = said(self.room.whisper(person, channel))  # I21
        role = PEOPLE[person]
        self.agree(
            lambda s: s.admission.say(self.slug, person, "x", role, "psst", channel), expected
        )

    @rule(person=people, to=people)
    def signal(self, person: str, to: str) -> None:
        word = self.room.signal(person, to)
        expected = None if word == "ok" else (word,)
        self.agree(lambda s: s.admission.signal(self.slug, person, to, b"{}"), expected)


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


def run(rig: Rig, machine: type[Admission], number: int, acts: int) -> None:
    Rig.current = rig
    began = rig.acts
    examples = max(1, acts // ACTS_AN_EXAMPLE)
    while rig.acts - began < acts:
        run_state_machine_as_test(
            seed(number + SEEDS * (rig.acts - began))(machine),
            settings=settings(
                max_examples=examples, stateful_step_count=ACTS_AN_EXAMPLE, deadline=None,
                database=None, phases=PHASES, suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip


@pytest.mark.parametrize("number", range(SEEDS))
def test_random_acts_agree_with_the_model(rig: Rig, number: int) -> None:
    run(rig, Admission, number, ACTS // SEEDS)


@pytest.mark.parametrize("number", range(SEEDS // 2))
def test_random_acts_of_negotiation_rooms_agree_with_the_model(rig: Rig, number: int) -> None:
    run(rig, Negotiation, number, ACTS // SEEDS // 2)
