"""One client process of ``pavilion load rooms``: its people, and what they saw.

Reads a Job as JSON from standard input and writes an Outcome to the file named. Each
person enters, listens, speaks and steps out when told, is cut off without a goodbye and
comes back by resume; every message is checked (hub.load.checks).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from hub.load.checks import DECODE, Incoming, Tally, View
from hub.load.figures import Latency
from hub.load.wsclient import ABNORMAL, Connection, HandshakeFailed, connect

PATIENCE_S: Final = 15.0  # an answer later than this is a missing answer
SURE_S: Final = 8.0  # away for less than this a seat is kept, however old the last sign of life
AWAY_S: Final = (0.5, SURE_S)
RETRIES: Final = 40  # connection attempts of one return
RETRY_S: Final = (0.2, 2.0)
STAMP: Final = "@"  # a chat text "@<monotonic ns>" carries when it was sent


class Seat(msgspec.Struct):
    """One person of a job."""

    id: str
    room: str
    capacity: int
    token: str
    source: str | None


class Job(msgspec.Struct):
    """``rates``: chat messages a second in all, one after the other, each for an equal share of
    what is left of ``duration_s`` when everybody has arrived, of which this process says ``share``;
    ``churn``: people a second who drop or leave; ``join_rate``: people a second who arrive.
    ``seed`` makes the run repeatable."""

    url: str
    people: list[Seat]
    rates: list[float]
    share: float
    churn: float
    join_rate: float
    duration_s: float
    seed: int


class Outcome(msgspec.Struct):
    counts: dict[str, int]
    violations: dict[str, int]
    samples: list[str]
    peak: dict[str, int]
    latencies: dict[str, list[float]]
    latency_counts: dict[str, int]
    arrived_s: float  # after so long everybody of this process had an answer to ``enter``


class Person:
    """A simulated participant in one room."""

    def __init__(self, crowd: Crowd, seat: Seat) -> None:
        self.crowd = crowd
        self.seat = seat
        self.view = View(seat.id, seat.room, seat.capacity, crowd.tally)
        self.connection: Connection | None = None
        self.resume = ""
        self.cut_at = 0.0
        self.returning = False
        self._ending_due = False  # a resume was asked for and has not come to anything yet
        self._asked_at = 0.0
        self._number = 0
        self._enter_number = -1
        self.told = False  # whether the hub ever answered an enter

    # --- what this person does --------------------------------------------------------

    async def arrive(self) -> None:
        """Connect and say hello: with the resume token when there is one."""
        for _ in range(RETRIES):
            if self.crowd.over:
                return
            try:
                self.connection = await connect(
                    self.crowd.job.url, self._received, self._closed, source=self.seat.source
                )
                break
            except (HandshakeFailed, OSError, TimeoutError) as fault:
                self.crowd.tally.counts[f"connect failed: {type(fault).__name__}"] += 1
                await asyncio.sleep(self.crowd.chance.uniform(*RETRY_S))
        else:
            self.crowd.tally.violation("connect", f"{self.seat.id}: never got through")
            return
        self.returning = bool(self.resume)
        if self.returning:
            # A place in the queue has no epoch of its own: it is named all the same.
            point = {"room": self.seat.room, "epoch": self.view.epoch, "seq": max(0, self.view.seq)}
            self._ending_due, self._asked_at = True, time.monotonic()
            self._send({"type": "hello", "resume": self.resume, "rooms": [point]})
            self.resume = ""
        else:
            self.view.left()
            self._send({"type": "hello", "token": self.seat.token})
            self.enter()

    def enter(self) -> None:
        self._enter_number = self._send({"type": "enter", "room": self.seat.room})

    def say(self) -> None:
        text = f"{STAMP}{time.monotonic_ns()}"
        self._send({"type": "say", "room": self.seat.room, "text": text})

    async def step_out(self, away_s: float) -> None:
        """Leave cleanly, and come back in by the door."""
        self.view.leaving()
        self._send({"type": "leave", "room": self.seat.room})
        await asyncio.sleep(away_s)
        if self.connected and not self.view.seated:
            self.enter()

    def cut(self) -> None:
        """The network is gone: no goodbye, and ``_closed`` brings the person back later."""
        self.cut_at = time.monotonic()
        self.crowd.tally.counts["cut"] += 1
        if self.connection is not None:
            self.connection.abort()

    @property
    def connected(self) -> bool:
        return self.connection is not None

    def _send(self, message: dict[str, Any]) -> int:
        self._number += 1
        if self.connection is not None:
            self.view.sent(self._number, time.monotonic())
            self.connection.send(msgspec.json.encode({**message, "id": self._number}))
        return self._number

    # --- what comes back --------------------------------------------------------------

    def _received(self, payload: bytes) -> None:
        try:
            messages = DECODE(payload)
        except msgspec.MsgspecError as fault:
            self.crowd.tally.violation("frames", f"{self.seat.id}: {fault}")
            return
        for message in messages:
            self._take(message)

    def _take(self, message: Incoming) -> None:
        view, crowd = self.view, self.crowd
        sent = view.answered(message)
        if sent is not None and message.re == self._enter_number:
            self.told = True
            crowd.joining.add((time.monotonic() - sent) * 1000)
            crowd.tally.counts[f"enter: {message.type}"] += 1
        if message.type == "welcome":
            self.resume = message.resume
        elif message.type in {"resumed", "entered", "waiting", "refused"} and message.re is None:
            self._ending(message)
        elif message.type == "event" and message.kind == "chat" and message.body is not None:
            self._heard(message.body.text)
        elif message.type == "bye":
            crowd.tally.counts[f"bye {message.code}"] += 1
        view.take(message)

    def _ending(self, message: Incoming) -> None:
        """What a resume came to; or, later, a waiting person's turn."""
        if not self._ending_due:
            if message.type == "resumed":
                self.crowd.tally.violation("resume", f"{self.seat.id}: resumed twice")
            elif message.type == "entered":
                self.crowd.tally.counts["promoted"] += 1
            return
        self._ending_due = False
        away = time.monotonic() - self.cut_at
        self.crowd.returning.add((time.monotonic() - self._asked_at) * 1000)
        self.crowd.tally.counts[f"resume: {message.type}"] += 1
        if message.type == "refused":
            if message.code == "seat_expired" and away < SURE_S:
                self.crowd.tally.violation("resume", f"{self.seat.id}: expired after {away:.1f} s")
            self.enter()

    def _heard(self, text: str) -> None:
        # What was missed and comes with a resume says nothing about delivery.
        if text.startswith(STAMP) and not self._ending_due:
            took_ms = (time.monotonic_ns() - int(text[1:])) / 1e6
            self.crowd.delivery.add(took_ms)
            self.crowd.step.add(took_ms)
            self.crowd.tally.counts["delivered"] += 1

    def _closed(self, code: int) -> None:
        now = time.monotonic()
        crowd, on_purpose = self.crowd, self.cut_at > 0 and code == ABNORMAL
        self.connection = None
        if not self.cut_at:
            self.cut_at = now
        if crowd.over:
            return
        crowd.tally.counts[f"closed {code}"] += 1
        if not self.view.seated and self.view.waiting is None:
            self.resume = ""  # nothing to come back to: through the door
        self.view.gone()
        if 4500 <= code <= 4999:
            if not self.returning:
                crowd.tally.violation("close", f"{self.seat.id}: closed for good with {code}")
            self.resume = ""  # the token was used up by a hub that died: through the door again
        away = crowd.chance.uniform(*AWAY_S) if on_purpose else crowd.chance.uniform(*RETRY_S)
        crowd.spawn(self._return(away))

    async def _return(self, away_s: float) -> None:
        await asyncio.sleep(away_s)
        await self.arrive()
        self.cut_at = 0.0 if not self.returning else self.cut_at


class Crowd:
    """All people of this process."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.chance = random.Random(job.seed)
        self.tally = Tally()
        self.joining, self.returning, self.delivery = Latency(), Latency(), Latency()
        self.step = Latency()  # deliveries at the rate of now
        self.steps: dict[str, Latency] = {}
        self.arrived_s = 0.0
        self.people = [Person(self, seat) for seat in job.people]
        by_room: dict[str, list[Person]] = {}
        for person in self.people:
            by_room.setdefault(person.seat.room, []).append(person)
        self.rooms = list(by_room.values())
        self.over = False
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Any) -> None:
        """Run ``work``; bounded by the number of people, each has at most two."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self) -> Outcome:
        began = time.monotonic()
        end = began + self.job.duration_s
        for place, person in enumerate(self.people):
            self.spawn(person.arrive())
            await asyncio.sleep(began + (place + 1) / self.job.join_rate - time.monotonic())
        while time.monotonic() < end and not all(  # noqa: ASYNC110
            person.told for person in self.people
        ):
            # One event an answer would cost each of them what this costs once.
            await asyncio.sleep(0.05)
        self.arrived_s = time.monotonic() - began
        acting = [asyncio.create_task(self._speak(end)), asyncio.create_task(self._churn())]
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        for task in acting:
            task.cancel()
        await asyncio.gather(*acting, return_exceptions=True)
        await self._settle()
        return self._outcome()

    async def _speak(self, end: float) -> None:
        step_s = (end - time.monotonic()) / len(self.job.rates)
        for rate in self.job.rates:
            if len(self.job.rates) > 1:
                self.step = self.steps.setdefault(f"delivery at {rate:g}/s", Latency())
            if rate > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._speak_at(rate * self.job.share), step_s)

    async def _speak_at(self, rate: float) -> None:
        due = time.monotonic()
        while True:
            # By the clock, so that a late turn of the loop does not lower the rate.
            due += self.chance.expovariate(rate)
            await asyncio.sleep(due - time.monotonic())
            # Rooms first: a small one is as talkative as a large one.
            person = self._someone(self.chance.choice(self.rooms))
            if person is not None:
                self.tally.counts["said"] += 1
                person.say()

    async def _churn(self) -> None:
        while self.job.churn > 0:
            await asyncio.sleep(self.chance.expovariate(self.job.churn))
            person = self._someone(self.people)
            if person is None:
                continue
            if self.chance.random() < 0.7:
                person.cut()
            else:
                self.tally.counts["stepped out"] += 1
                self.spawn(person.step_out(self.chance.uniform(1, 5)))

    def _someone(self, some: list[Person]) -> Person | None:
        for _ in range(20):
            person = self.chance.choice(some)
            if person.connected and person.view.seated:
                return person
        return None

    async def _settle(self) -> None:
        """No new acts: wait for the answers still due, then go."""
        deadline = time.monotonic() + PATIENCE_S
        for person in self.people:
            while person.view.pending and time.monotonic() < deadline:  # noqa: ASYNC110
                # One event a message would cost each of them what this costs once.
                await asyncio.sleep(0.1)
        self.over = True
        for person in self.people:
            if not person.told:  # a run in which nobody got in has proved nothing
                self.tally.violation("answers", f"{person.seat.id} was never let in or refused")
            if person.connected:
                person.view.unanswered(time.monotonic(), PATIENCE_S - 1)
        for task in list(self._tasks):
            task.cancel()
        for person in self.people:
            if person.connection is not None:
                person.connection.abort()
        await asyncio.sleep(0)

    def _outcome(self) -> Outcome:
        kept = {"join": self.joining, "return": self.returning, "delivery": self.delivery}
        kept |= self.steps
        self.tally.counts["seated at the end"] = sum(self.tally.inside.values())
        return Outcome(
            counts=dict(self.tally.counts),
            violations=dict(self.tally.violations),
            samples=self.tally.samples,
            peak=dict(self.tally.peak),
            latencies={name: latency.values for name, latency in kept.items()},
            latency_counts={name: latency.count for name, latency in kept.items()},
            arrived_s=self.arrived_s,
        )


def merge(outcomes: list[Outcome]) -> tuple[Counter[str], Counter[str], dict[str, Latency]]:
    """Counts, violations and latencies of all client processes together."""
    counts: Counter[str] = Counter()
    violations: Counter[str] = Counter()
    latencies: dict[str, Latency] = {}
    for outcome in outcomes:
        counts.update(outcome.counts)
        violations.update(outcome.violations)
        for name, values in outcome.latencies.items():
            whole = latencies.setdefault(name, Latency())
            whole.merge(values, outcome.latency_counts[name])
    return counts, violations, latencies


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    gc.freeze()  # tens of thousands of people that all stay: nothing for the collector to find

    async def work() -> Outcome:
        return await Crowd(job).run()

    Path(sys.argv[1]).write_bytes(msgspec.json.encode(uvloop.run(work())))


if __name__ == "__main__":
    main()
