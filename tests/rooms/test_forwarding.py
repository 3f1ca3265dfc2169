"""Who is heard and seen: the active speaker, and what fills which slot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rooms.forwarding import HOLD_MS, LOUDER_MS, Levels, Plan, Shown, View, plan
from rooms.model import Source

CAMERA, MICROPHONE, SCREEN = Source.CAMERA, Source.MICROPHONE, Source.SCREEN
BOTH = frozenset({CAMERA, MICROPHONE})


class Room:
    """Levels with a clock: everyone's packets every 20 ms, decisions every 200."""

    def __init__(self) -> None:
        self.levels = Levels()
        self.now = 1_000
        self.speaking: tuple[str, ...] = ()

    def hear(self, ms: int, **levels: int) -> Room:
        for _ in range(ms // 20):
            self.now += 20
            for person, level in levels.items():
                self.levels.hear(person, level, self.now)
            if self.now % 200 == 0:
                self.speaking = self.levels.update(self.now)
        return self


def test_whoever_speaks_leads_and_stays_until_someone_else_speaks() -> None:
    room = Room().hear(1000, anna=127, ben=100)
    assert room.levels.active is None
    assert room.speaking == ()
    room.hear(400, anna=30, ben=100)
    assert (room.levels.active, room.speaking) == ("anna", ("anna",))
    room.hear(HOLD_MS - 200, anna=127, ben=100)
    assert room.speaking == ("anna",), "a pause is not an end"
    room.hear(2000, anna=127, ben=100)
    assert room.speaking == ()
    assert room.levels.active == "anna", "the picture does not change because it is quiet"
    room.hear(400, anna=127, ben=35)
    assert room.levels.active == "ben"


def test_an_interruption_must_be_louder_for_a_while() -> None:
    room = Room().hear(600, anna=30)
    room.hear(LOUDER_MS - 400, anna=40, ben=15)
    assert room.levels.active == "anna"
    room.hear(600, anna=30, ben=100)
    room.hear(LOUDER_MS + 600, anna=40, ben=15)
    assert room.levels.active == "ben"
    assert room.speaking[0] == "ben"
    room.hear(3000, anna=17, ben=20)
    assert room.levels.active == "ben", "about as loud is no reason"


def test_silence_without_packets_and_leaving() -> None:
    room = Room().hear(600, anna=30)
    room.hear(3000, ben=127)
    assert room.speaking == ()
    room.levels.forget("anna")
    assert room.levels.active is None
    assert room.levels.ranking(["ben", "anna"]) == ("anna", "ben")


def test_the_ranking_is_active_then_last_heard_then_by_name() -> None:
    room = Room().hear(400, carl=30).hear(2000, carl=127).hear(400, ben=30)
    assert room.levels.ranking(["anna", "ben", "carl", "dora"]) == ("ben", "carl", "anna", "dora")


EMPTY = Plan((None,) * 3, (None,) * 2)
STAGE = {"anna": BOTH, "ben": BOTH, "carl": BOTH}
ORDER = ("anna", "ben", "carl")


def test_the_active_speaker_is_large_and_the_others_beside() -> None:
    first = plan(STAGE, ORDER, "anna", "viewer", View(), EMPTY)
    assert first.video == (Shown("anna", CAMERA), Shown("ben", CAMERA), Shown("carl", CAMERA))
    assert first.audio == (Shown("anna", MICROPHONE), Shown("ben", MICROPHONE))
    second = plan(STAGE, ("carl", "anna", "ben"), "carl", "viewer", View(), first)
    assert second.video == (Shown("carl", CAMERA), Shown("ben", CAMERA), Shown("anna", CAMERA))
    assert second.audio == (Shown("carl", MICROPHONE), Shown("anna", MICROPHONE))


def test_nobody_sees_or_hears_themselves() -> None:
    mine = plan(STAGE, ORDER, "anna", "anna", View(), EMPTY)
    shown = [one for one in (*mine.video, *mine.audio) if one is not None]
    assert shown and all(one.person != "anna" for one in shown)
    assert plan({"anna": BOTH}, ("anna",), "anna", "anna", View(), EMPTY) == EMPTY


def test_a_pin_outranks_a_screen_and_a_screen_the_speaker() -> None:
    stage = STAGE | {"ben": BOTH | {SCREEN}}
    auto = plan(stage, ORDER, "anna", "viewer", View(), EMPTY)
    assert auto.video == (Shown("ben", SCREEN), Shown("anna", CAMERA), Shown("ben", CAMERA))
    pinned = plan(stage, ORDER, "anna", "viewer", View(main="carl"), auto)
    assert pinned.video[0] == Shown("carl", CAMERA)
    gone = plan(stage, ORDER, "anna", "viewer", View(main="nobody"), auto)
    assert gone.video[0] == Shown("ben", SCREEN), "a pin on someone who is not there is auto"


def test_a_person_without_a_picture_is_named_and_heard() -> None:
    stage = STAGE | {"anna": frozenset({MICROPHONE})}
    shown = plan(stage, ORDER, "anna", "viewer", View(), EMPTY)
    assert shown.video[0] == Shown("anna", None)
    assert shown.audio[0] == Shown("anna", MICROPHONE)
    quiet = plan(stage, ORDER, None, "viewer", View(), EMPTY)
    assert quiet.video[0] == Shown("ben", CAMERA), "with nobody speaking, someone who is seen"


def test_thumbs_and_audio_only() -> None:
    few = plan(STAGE, ORDER, "anna", "viewer", View(thumbs=1), EMPTY)
    assert few.video[1:] == (Shown("ben", CAMERA), None)
    none = plan(STAGE, ORDER, "anna", "viewer", View(audio_only=True), EMPTY)
    assert none.video == (Shown("anna", None), None, None)
    assert none.audio == few.audio


SOURCES = st.frozensets(st.sampled_from(list(Source)))
PEOPLE = st.sampled_from("abcdef")


@given(
    st.lists(st.dictionaries(PEOPLE, SOURCES), min_size=1, max_size=6),
    PEOPLE,
    st.integers(0, 5),
    st.integers(0, 4),
    st.builds(View, st.sampled_from(["auto", "a", "x"]), st.integers(0, 9), st.booleans()),
)
def test_whatever_the_stage_slots_carry_what_flows_once_and_stay_put(
    stages: list[dict[str, frozenset[Source]]], viewer: str, video: int, audio: int, view: View
) -> None:
    now = Plan((None,) * video, (None,) * audio)
    for stage in stages:
        before, active = now, next(iter(stage), None)
        now = plan(stage, tuple(stage), active, viewer, view, before)
        assert (len(now.video), len(now.audio)) == (video, audio)
        carried = [s for s in (*now.video, *now.audio) if s is not None and s.source is not None]
        assert len(set(carried)) == len(carried)
        for shown in carried:
            assert shown.person != viewer
            assert shown.source in stage[shown.person]
        assert all(s.source is not MICROPHONE for s in now.video if s)
        assert all(s.source is MICROPHONE for s in now.audio if s)
        assert now == plan(stage, tuple(stage), active, viewer, view, now), "settled stays settled"
