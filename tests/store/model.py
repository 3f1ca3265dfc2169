"""Admission as it should be, in plain Python: what the scripts are compared with.

Written from DESIGN sections 3 and 6 and docs/protocol.md section 2, not from the Lua. Time is
``now``; every method answers what the port answers, a refusal as its code.
"""

from __future__ import annotations

from dataclasses import dataclass, field

COMMON = 2**41


@dataclass
class Seat:
    state: str
    deadline: int
    priv: bool
    gen: int
    order: int
    atts: dict[str, tuple[str, int]] = field(default_factory=dict)
    side: str = ""


@dataclass
class Waiter:
    person: str
    deadline: int
    priv: bool
    atts: dict[str, tuple[str, int]] = field(default_factory=dict)
    since: int = 0
    side: str = ""
    knocks: str = ""  # "room": because of its lobby, "own": whatever the room says


@dataclass
class Room:
    capacity: int
    reserved: int
    stage_cap: int
    waitlist_max: int
    lease: int = 30_000
    offer: int = 20_000
    locked: bool = False
    closed: bool = False
    now: int = 1_000_000
    seq: int = 0
    counter: int = 0
    seats: dict[str, Seat] = field(default_factory=dict)
    queue: list[Waiter] = field(default_factory=list)
    stage: list[str] = field(default_factory=list)
    hands: list[str] = field(default_factory=list)
    bans: dict[str, int] = field(default_factory=dict)

    # --- asking ---------------------------------------------------------------------------

    def seat(self, person: str) -> Seat | None:
        seat = self.seats.get(person)
        return seat if seat and seat.deadline > self.now else None

    def occupied(self) -> int:
        return sum(s.deadline > self.now for s in self.seats.values())

    def room_for(self, priv: bool) -> bool:
        occupied = self.occupied()
        if occupied >= self.capacity or priv:
            return occupied < self.capacity
        privileged = sum(s.priv and s.deadline > self.now for s in self.seats.values())
        return occupied < self.capacity - max(0, self.reserved - privileged)

    def next_waiter(self) -> Waiter | None:
        """The head, or the first privileged one when the head is blocked by reserved seats."""
        for waiter in self.queue:
            if self.room_for(waiter.priv):
                return waiter
        return None

    def banned(self, person: str) -> bool:
        return self.bans.get(person, 0) > self.now

    def tick(self) -> int:
        self.counter += 1
        return self.counter

    # --- what happens by itself -----------------------------------------------------------

    def free(self, person: str) -> None:
        self.seats.pop(person, None)
        self.queue = [w for w in self.queue if w.person != person]
        self.stage = [p for p in self.stage if p != person]
        self.hands = [p for p in self.hands if p != person]

    def tidy(self) -> None:
        for person in [p for p, s in self.seats.items() if s.deadline <= self.now]:
            self.free(person)
        for person in [w.person for w in self.queue if w.deadline <= self.now]:
            self.free(person)
        self.promote()

    def promote(self) -> None:
        while not self.locked and not self.closed and (waiter := self.next_waiter()):
            self.queue.remove(waiter)
            arrival = self.tick()
            self.seats[waiter.person] = Seat(
                "offered", self.now + self.offer, waiter.priv, 0,
                arrival + (0 if waiter.priv else COMMON), waiter.atts, waiter.side,
            )  # fmt: skip

    # --- people ---------------------------------------------------------------------------

    def enter(
        self, person: str, priv: bool, host: bool, passes: bool, kind: str, att: str, wait: bool
    ) -> tuple[object, ...]:
        self.tidy()
        if self.closed:
            return ("room_closed",)
        if self.banned(person):
            return ("banned",)
        if self.seat(person):
            return self.take(person, priv, host, kind, att)
        waiter = next((w for w in self.queue if w.person == person), None)
        if waiter:
            waiter.priv = priv
            waiter.deadline = self.now + self.lease
            waiter.atts[kind] = (att, self.now + self.lease)
            self.promote()
            if self.seat(person):
                return self.take(person, priv, host, kind, att)
            return self.place(person)
        if self.locked and not passes:
            return ("room_locked",)
        # Locked: who may pass goes in unless those who may pass wait already.
        if self.locked:
            blocked = any(w.priv for w in self.queue) if priv else False
        else:
            blocked = any(w.priv or not priv for w in self.queue)
        if not blocked and self.room_for(priv):
            gen = self.tick()
            self.seats[person] = Seat(
                "live", self.now + self.lease, priv, gen, gen + (0 if priv else COMMON),
                {kind: (att, self.now + self.lease)},
            )  # fmt: skip
            if host:
                self.on_stage(person)
            return ("seated", gen, True, None)
        if not wait or len(self.queue) >= self.waitlist_max:
            return ("room_full",)
        self.queue.append(
            Waiter(person, self.now + self.lease, priv, {kind: (att, self.now + self.lease)},
                   self.now)
        )  # fmt: skip
        return self.place(person)

    def take(self, person: str, priv: bool, host: bool, kind: str, att: str) -> tuple[object, ...]:
        seat = self.seats[person]
        if host and seat.state == "offered":
            self.on_stage(person)
        seat.gen = self.tick()
        seat.state, seat.deadline = "live", self.now + self.lease
        seat.order = seat.order % COMMON + (0 if priv else COMMON)
        seat.priv = priv
        old = seat.atts.get(kind)
        seat.atts[kind] = (att, self.now + self.lease)
        replaced = old[0] if old and old[0] != att else None
        return ("seated", seat.gen, False, replaced)

    def place(self, person: str) -> tuple[object, ...]:
        people = [w.person for w in self.queue]
        return ("queued", people.index(person) + 1, len(people))

    def on_stage(self, person: str) -> bool:
        if person in self.stage:
            return True
        if len(self.stage) >= self.stage_cap:
            return False
        self.tick()
        self.stage.append(person)
        return True

    def resume(self, person: str, priv: bool, host: bool, att: str) -> tuple[object, ...]:
        self.tidy()
        if self.closed:
            return ("room_closed",)
        if self.banned(person):
            return ("banned",)
        if self.seat(person):
            return self.take(person, priv, host, "socket", att)
        waiter = next((w for w in self.queue if w.person == person), None)
        if waiter is None:
            return ("seat_expired",)
        waiter.deadline = self.now + self.lease
        waiter.atts["socket"] = (att, self.now + self.lease)
        return self.place(person)

    def attach(self, person: str, kind: str, att: str) -> tuple[object, ...]:
        self.tidy()
        seat = self.seat(person)
        if seat is None or seat.state == "offered":
            return ("not_in_room",)
        if kind == "publish" and person not in self.stage:
            return ("not_on_stage",)
        old = seat.atts.get(kind)
        seat.atts[kind] = (att, self.now + self.lease)
        seat.state, seat.deadline = "live", self.now + self.lease
        return ("seated", seat.gen, False, old[0] if old and old[0] != att else None)

    def holder(self, person: str, kind: str, att: str) -> Seat | Waiter | None:
        """Whose attachment this is now; None for a stale one."""
        held: Seat | Waiter | None = self.seats.get(person)
        held = held or next((w for w in self.queue if w.person == person), None)
        return held if held and held.atts.get(kind, ("",))[0] == att else None

    def renew(self, person: str, kind: str, att: str, silent: int) -> bool:
        held = self.holder(person, kind, att)
        if held is None or held.deadline <= self.now:
            return False
        to = self.now - silent + self.lease
        held.atts[kind] = (att, max(to, held.atts[kind][1]))
        if isinstance(held, Waiter) or held.state == "live":
            held.deadline = max(held.deadline, to)
        return True

    def attached(self, seat: Seat | Waiter) -> bool:
        return any(deadline > self.now for _, deadline in seat.atts.values())

    def drop(self, person: str, kind: str, att: str, silent: int) -> None:
        held = self.holder(person, kind, att)
        if held is None:
            return
        del held.atts[kind]
        last = self.now - silent + self.lease
        if isinstance(held, Waiter):
            if held.deadline > self.now:
                held.deadline = max(held.deadline, last)
        elif held.state == "live" and held.deadline > self.now and not self.attached(held):
            held.atts.clear()
            held.state = "held"
            held.deadline = min(max(held.deadline, last), self.now + self.lease)
        self.tidy()

    def detach(self, person: str, kind: str, att: str) -> None:
        held = self.holder(person, kind, att)
        if held is None:
            return
        del held.atts[kind]
        if not self.attached(held):
            self.free(person)
        self.tidy()

    def leave(self, person: str, att: str) -> bool:
        if self.holder(person, "socket", att) is None:
            return False
        self.free(person)
        self.tidy()
        return True

    def hand(self, person: str, up: bool) -> str:
        seat = self.seat(person)
        if seat is None or seat.state == "offered":
            return "not_in_room"
        if up and person not in self.hands:
            self.tick()
            self.hands.append(person)
        elif not up:
            self.hands = [p for p in self.hands if p != person]
        return "ok"

    def say(self, person: str) -> object:
        seat = self.seat(person)
        if seat is None or seat.state == "offered":
            return "not_in_room"
        self.seq += 1
        return self.seq

    # --- those who run the room -----------------------------------------------------------

    def event(self) -> int:
        self.seq += 1
        return self.seq

    def set_capacity(self, capacity: int, reserved: int, evict: bool) -> object:
        if self.closed:
            return "room_closed"
        told = self.seq
        if (capacity, reserved) != (self.capacity, self.reserved):
            told = self.event()
        self.capacity, self.reserved = capacity, reserved
        self.tidy()
        if evict:
            common = sorted((s.order, p) for p, s in self.seats.items() if not s.priv)
            while self.occupied() > capacity and common:
                self.free(common.pop()[1])
        return told

    def lock(self, locked: bool) -> object:
        if self.closed:
            return "room_closed"
        told = self.seq if locked == self.locked else self.event()
        self.locked = locked
        self.tidy()
        return told

    def remove(self, person: str, ban_s: int) -> object:
        if self.closed:
            return "room_closed"
        told = self.seq
        here = self.seat(person) or any(
            w.person == person and w.deadline > self.now for w in self.queue
        )
        if ban_s:
            self.bans[person] = self.now + ban_s * 1000
        if here:
            self.free(person)
        if here or ban_s:
            told = self.event()
        self.tidy()
        return told

    def set_stage(self, person: str, on: bool) -> object:
        if self.closed:
            return "room_closed"
        self.tidy()
        seat = self.seat(person)
        if seat is None or seat.state == "offered":
            return "not_in_room"
        if (person in self.stage) == on:
            return self.seq
        if on:
            if not self.on_stage(person):
                return "stage_full"
            self.hands = [p for p in self.hands if p != person]
        else:
            self.stage.remove(person)
            if seat.atts.pop("publish", None) and seat.state == "live" and not self.attached(seat):
                seat.atts.clear()
                seat.state = "held"
        return self.event()

    def close(self) -> int:
        if self.closed:
            return self.seq
        self.closed = True
        self.seats.clear()
        self.queue.clear()
        self.stage.clear()
        self.hands.clear()
        return self.event()


@dataclass
class Talk(Room):
    """A negotiation room: modes, sides, who knocks, media between browsers or not."""

    mode: str = "any"
    sides: dict[str, int] = field(default_factory=dict)
    lobby: bool = False
    media: str = "direct"
    barred: set[str] = field(default_factory=set)
    said_in: dict[str, int] = field(default_factory=dict)
    #: who may let others in
    hosts: frozenset[str] = frozenset()

    def settle(self) -> None:
        """What is told once an act is over."""
        seated = sum(s.state in {"live", "held"} for s in self.seats.values())
        mode = "sfu" if seated > 4 else "direct"
        if self.closed:
            self.media = "direct"
        elif mode != self.media:
            self.media = mode
            self.event()

    def side_seats(self, side: str) -> int:
        return sum(s.side == side and s.deadline > self.now for s in self.seats.values())

    def side_free(self, side: str) -> bool:
        return not self.sides or self.side_seats(side) < self.sides.get(side, 0)

    def one_too_many(self, side: str, knocks: bool) -> bool:
        """For a newcomer to one_to_one: who knocks counts against those who knock alone."""
        sides = [s.side for s in self.seats.values() if s.deadline > self.now]
        sides += [w.side for w in self.queue if knocks or not w.knocks]
        return len(sides) >= 2 or (bool(self.sides) and sides.count(side) >= self.sides[side])

    def next_waiter(self) -> Waiter | None:
        for waiter in self.queue:
            if not waiter.knocks and self.room_for(waiter.priv) and self.side_free(waiter.side):
                return waiter
        return None

    def banned(self, person: str) -> bool:
        return person in self.barred

    def arrive(
        self, person: str, priv: bool, passes: bool, kind: str, att: str, wait: bool,
        claim: str | None, knock: bool,
    ) -> tuple[object, ...]:  # fmt: skip
        self.tidy()
        if person in self.barred:
            return ("unknown_room",)
        if self.closed:
            return ("room_closed",)
        if self.seat(person):
            return self.take(person, priv, True, kind, att)
        must = "" if priv else "own" if knock else "room" if self.lobby else ""
        waiter = next((w for w in self.queue if w.person == person), None)
        if waiter:
            waiter.priv = priv
            waiter.knocks = must if waiter.knocks else ""
            waiter.deadline = self.now + self.lease
            waiter.atts[kind] = (att, self.now + self.lease)
            self.promote()
            if self.seat(person):
                return self.take(person, priv, True, kind, att)
            return self.place(person)
        if self.locked and not passes:
            return ("room_locked",)
        host = self.mode == "one_to_many" and person in self.hosts
        side = claim or ("host" if host else "guest")
        if self.sides and side not in self.sides:
            return ("wrong_mode",)
        if self.mode == "one_to_one" and (
            self.one_too_many(side, bool(must)) or (not must and not self.room_for(priv))
        ):
            return ("wrong_mode",)
        if must and not wait:
            return ("forbidden",)
        blocked = must or (self.locked and any(w.priv for w in self.queue))
        till = self.now + self.lease
        if not blocked and self.side_free(side) and self.room_for(priv):
            gen = self.tick()
            order = gen + (0 if priv else COMMON)
            self.seats[person] = Seat("live", till, priv, gen, order, {kind: (att, till)}, side)
            self.on_stage(person)
            return ("seated", gen, True, None)
        if not wait or len(self.queue) >= self.waitlist_max:
            return ("room_full",)
        self.queue.append(Waiter(person, till, priv, {kind: (att, till)}, self.now, side, must))
        return self.place(person)

    def place(self, person: str) -> tuple[object, ...]:
        waiter = next(w for w in self.queue if w.person == person)
        return (*super().place(person), *(("lobby",) if waiter.knocks else ()))

    def resume(self, person: str, priv: bool, host: bool, att: str) -> tuple[object, ...]:
        self.tidy()
        if person in self.barred:
            return ("unknown_room",)
        return super().resume(person, priv, True, att)

    # --- the lobby --------------------------------------------------------------------------

    def knocker(self, person: str) -> Waiter | None:
        for waiter in self.queue:
            if waiter.person == person and waiter.knocks and waiter.deadline > self.now:
                return waiter
        return None

    def admit(self, person: str) -> object:
        if self.closed:
            return "room_closed"
        self.tidy()
        waiter = self.knocker(person)
        if waiter is None:
            return "not_in_room"
        if self.mode == "one_to_one" and self.one_too_many(waiter.side, False):
            return "wrong_mode"
        waiter.knocks = ""
        self.promote()
        return self.seq

    def deny(self, person: str) -> object:
        if self.closed:
            return "room_closed"
        self.tidy()
        if self.knocker(person) is None:
            return "not_in_room"
        self.barred.add(person)
        self.free(person)
        self.tidy()
        return self.seq

    def set_lobby(self, on: bool) -> None:
        self.lobby = on
        for waiter in self.queue:
            if not on and waiter.knocks == "room":
                waiter.knocks = ""
        self.tidy()
        if self.mode == "one_to_one" and not self.locked:
            self.queue = [w for w in self.queue if w.knocks]

    def remove(self, person: str, ban_s: int) -> object:
        if self.closed:
            return "room_closed"
        told = self.seq
        self.barred.add(person)
        seated = self.seat(person)
        if seated or any(w.person == person and w.deadline > self.now for w in self.queue):
            self.free(person)
        if seated:
            told = self.event()
        self.tidy()
        return told

    def set_capacity(self, capacity: int, reserved: int, evict: bool) -> object:
        if not self.closed:
            if self.mode == "one_to_one" and capacity != 2:
                return "wrong_mode"
            if self.sides and (capacity < sum(self.sides.values()) or reserved):
                return "bad_message"
            self.stage_cap = min(capacity, 50)
        return super().set_capacity(capacity, reserved, evict)

    # --- talking ------------------------------------------------------------------------------

    def seated(self, person: str) -> Seat | None:
        seat = self.seat(person)
        return seat if seat and seat.state != "offered" else None

    def whisper(self, person: str, channel: str) -> object:
        """The number within the channel, or the refusal."""
        seat = self.seated(person)
        if channel == "side":
            if seat is None:
                return "not_in_room"
            if self.mode not in {"one_to_many", "many_to_many"}:
                return "forbidden"
            name = f"side {seat.side}"
        else:
            whom = person if channel == "lobby" else channel.removeprefix("lobby:")
            mine = whom == person or (seat and person in self.hosts)
            if not (mine and self.knocker(whom)):
                return "forbidden" if seat or self.knocker(person) else "not_in_room"
            name = f"lobby {whom}"
        self.said_in[name] = self.said_in.get(name, 0) + 1
        return self.said_in[name]

    def signal(self, person: str, to: str) -> str:
        if not (self.seated(person) and self.seated(to)):
            return "not_in_room"
        if self.media != "direct":
            return "wrong_mode"
        return "bad_message" if person == to else "ok"
