"""When the collector looks at what (``hub.heap``), with real cycles and a clock of the test's."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from hub import heap
from hub.heap import Heap


class Knot:
    """Something that only the collector can end."""

    def __init__(self) -> None:
        self.me = self


class Rig:
    """A process that holds ``held`` sockets, of which ``ended`` have ended."""

    def __init__(self) -> None:
        self.held, self.ended, self.now = heap.FEW + 1, 0, 0.0
        self.heap = Heap(lambda: self.held, lambda: self.ended, lambda: self.now)
        self.heap.begin()

    def knots(self, count: int = 3) -> tuple[list[Knot], list[weakref.ref[Knot]]]:
        made = [Knot() for _ in range(count)]
        return made, [weakref.ref(knot) for knot in made]

    def left_behind(self) -> list[weakref.ref[Knot]]:
        """Knots that a look has set aside, and nobody holds any more."""
        made, refs = self.knots()
        self.heap.look()
        made.clear()
        return refs


def alive(refs: list[weakref.ref[Knot]]) -> int:
    return sum(ref() is not None for ref in refs)


@pytest.fixture
def rig() -> Iterator[Rig]:
    thresholds = gc.get_threshold()
    yield Rig()
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_cpython_does_no_full_collection_any_more(rig: Rig) -> None:
    before = gc.get_stats()[2]["collections"]
    kept = [[n] for n in range(400_000)]  # 200 young collections, 20 of the middle: a full one
    assert len(kept) == 400_000 and gc.get_stats()[2]["collections"] == before
    assert gc.get_stats()[1]["collections"] > 0


def test_what_came_and_went_between_two_looks_goes_at_the_next(rig: Rig) -> None:
    made, refs = rig.knots()
    gc.collect(1)  # they are of the oldest generation now
    made.clear()
    assert alive(refs) == 3
    rig.heap.look()
    assert alive(refs) == 0


def test_what_was_set_aside_goes_when_enough_sockets_have_ended(rig: Rig) -> None:
    refs = rig.left_behind()
    rig.ended = heap.ENDED_MIN - 1
    rig.heap.look()
    assert alive(refs) == 3 and gc.get_freeze_count() > 0
    rig.ended += 1
    rig.heap.look()
    assert alive(refs) == 0


def test_not_while_everybody_goes_home_unless_it_becomes_too_much(rig: Rig) -> None:
    refs = rig.left_behind()
    for _ in range(heap.PATIENCE - 1):
        rig.ended += heap.ENDED_MIN
        rig.heap.look()
        assert alive(refs) == 3
    rig.ended += heap.ENDED_MIN
    rig.heap.look()
    assert alive(refs) == 0
    refs = rig.left_behind()
    rig.ended += heap.ENDED_MIN
    rig.heap.look()
    assert alive(refs) == 3
    rig.heap.look()  # calm again
    assert alive(refs) == 0


def test_a_fuller_process_waits_for_more(rig: Rig) -> None:
    rig.held = 3 * heap.ENDED_MIN
    refs = rig.left_behind()
    rig.ended = rig.held - 1
    rig.heap.look()
    assert alive(refs) == 3
    rig.ended += 1
    rig.heap.look()
    assert alive(refs) == 0


def test_with_few_people_fewer_are_enough_but_not_every_moment(rig: Rig) -> None:
    rig.held, rig.now = heap.FEW, heap.SHALLOW_S
    refs = rig.left_behind()
    rig.ended = heap.FEW - 1
    rig.heap.look()
    rig.heap.look()  # calm
    assert alive(refs) == 3
    rig.ended += 1
    rig.heap.look()
    assert alive(refs) == 0
    refs = rig.left_behind()
    rig.ended += heap.FEW
    rig.now += heap.SHALLOW_S - 1
    rig.heap.look()
    rig.heap.look()  # calm
    assert alive(refs) == 3
    rig.now += 1
    rig.heap.look()
    assert alive(refs) == 0


@pytest.mark.parametrize("held", [heap.FEW + 1, 0])
def test_at_the_latest_by_the_clock(rig: Rig, held: int) -> None:
    rig.held = held
    refs = rig.left_behind()
    rig.now = heap.DEEP_S - 1
    rig.heap.look()
    assert alive(refs) == 3
    rig.now = heap.DEEP_S
    rig.heap.look()
    assert alive(refs) == 0
    refs = rig.left_behind()  # and the time runs anew
    rig.heap.look()
    assert alive(refs) == 3
