"""Who is heard and who is seen: loudness, the active speaker, and what goes into which slot.

Pure rules of the media plane. A subscriber has a fixed number of video and audio slots
(docs/protocol.md section 4, ``slots``); the first video slot is the *main* slot:

- main: the pinned person; else a screen that is shared; else the active speaker. A person
  without a picture is named there all the same, with source None, and the page draws a tile.
- further video slots: cameras of the others, whoever spoke last first, at most ``thumbs``.
- audio slots: the loudest microphones. With two or more, the first carries the main person,
  so that a browser can keep that sound and the main picture in step.
- nobody gets their own picture or voice; what is muted goes nowhere.

A picture or voice that stays chosen stays in its slot.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from rooms.model import Source

#: loudness is 127 minus the RFC 6464 level: 127 is full scale, 0 silence
SPEAKS_AT: Final = 77.0  # -50 dBov
SILENT_AT: Final = 70.0
#: speech has pauses: this long below SILENT_AT before someone has stopped speaking
HOLD_MS: Final = 800
#: no packet for so long (DTX, mute) counts as silence
STALE_MS: Final = 400
#: to interrupt someone who speaks, be so much louder for so long
LOUDER: Final = 6.0
LOUDER_MS: Final = 1_000
RISE: Final = 0.3  # weight of a louder packet; one comes every 20 ms
FALL: Final = 0.05


@dataclass(slots=True)
class _Voice:
    loudness: float = 0.0
    heard_ms: int = 0
    loud_ms: int = -1  # last time at or above SPEAKS_AT; -1 never
    speaking: bool = False


@dataclass(slots=True)
class Levels:
    """Loudness of the people on one stage, from audio levels, and who leads the talk."""

    active: str | None = None
    _voices: dict[str, _Voice] = field(default_factory=dict)
    _challenger: str | None = None
    _challenged_ms: int = 0

    def hear(self, person: str, level: int, now_ms: int) -> None:
        """A packet with RFC 6464 ``level`` (0 loudest … 127 silence)."""
        voice = self._voices.get(person)
        if voice is None:
            voice = self._voices[person] = _Voice()
        loudness = float(127 - (level & 127))
        weight = RISE if loudness > voice.loudness else FALL
        voice.loudness += (loudness - voice.loudness) * weight
        voice.heard_ms = now_ms

    def forget(self, person: str) -> None:
        """The person publishes no voice any more (left the stage, or muted)."""
        self._voices.pop(person, None)
        if self.active == person:
            self.active = None
        if self._challenger == person:
            self._challenger = None

    def update(self, now_ms: int) -> tuple[str, ...]:
        """Who speaks now, the active speaker first, then the loudest; ``active`` is brought
        up to date."""
        for voice in self._voices.values():
            if now_ms - voice.heard_ms > STALE_MS:
                voice.loudness = 0.0
            if voice.loudness >= SPEAKS_AT or (voice.speaking and voice.loudness >= SILENT_AT):
                voice.loud_ms = now_ms
                voice.speaking = True
            elif voice.speaking and now_ms - voice.loud_ms > HOLD_MS:
                voice.speaking = False
        speaking = sorted(
            (p for p, v in self._voices.items() if v.speaking),
            key=lambda p: (-self._voices[p].loudness, p),
        )
        self._lead(speaking, now_ms)
        return tuple(sorted(speaking, key=lambda p: p != self.active))

    def _lead(self, speaking: Sequence[str], now_ms: int) -> None:
        if not speaking:
            self._challenger = None
            return  # whoever spoke last stays in the picture
        first = speaking[0]
        if self.active is None or self.active not in speaking:
            self.active, self._challenger = first, None
            return
        lead = self._voices[first].loudness - self._voices[self.active].loudness
        if first == self.active or lead < LOUDER:
            self._challenger = None
        elif self._challenger != first:
            self._challenger, self._challenged_ms = first, now_ms
        elif now_ms - self._challenged_ms >= LOUDER_MS:
            self.active, self._challenger = first, None

    def ranking(self, people: Collection[str]) -> tuple[str, ...]:
        """``people`` with the active speaker first, then who spoke last, then by id."""

        def key(person: str) -> tuple[bool, int, str]:
            voice = self._voices.get(person)
            return (person != self.active, -(voice.loud_ms if voice else -1), person)

        return tuple(sorted(people, key=key))


@dataclass(frozen=True, slots=True)
class View:
    """What a subscriber asked to see (``view``)."""

    main: str = "auto"  # or a person's id
    thumbs: int = 64
    audio_only: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What one slot carries. ``source`` is None for a person without a picture."""

    person: str
    source: Source | None


@dataclass(frozen=True, slots=True)
class Plan:
    video: tuple[Shown | None, ...] = ()
    audio: tuple[Shown | None, ...] = ()


def plan(
    stage: dict[str, frozenset[Source]],
    ranking: Sequence[str],
    active: str | None,
    viewer: str,
    view: View,
    before: Plan,
) -> Plan:
    """What each slot of ``viewer`` carries now. ``before`` gives the number of slots too.

    ``stage``: what flows from each person (muted sources left out); ``ranking``: those
    people in the order of ``Levels.ranking``.
    """
    others = [person for person in ranking if person != viewer]
    previous = before.video[0] if before.video else None
    main = _main(stage, others, active, view, previous) if others else None
    if main is not None and view.audio_only:
        main = Shown(main.person, None)
    return Plan(
        _video(stage, others, view, main, before.video),
        _audio(stage, others, main, before.audio),
    )


def _picture(stage: dict[str, frozenset[Source]], person: str) -> Shown:
    for source in (Source.SCREEN, Source.CAMERA):
        if source in stage[person]:
            return Shown(person, source)
    return Shown(person, None)


def _main(
    stage: dict[str, frozenset[Source]],
    others: Sequence[str],
    active: str | None,
    view: View,
    previous: Shown | None,
) -> Shown:
    if view.main in others:
        return _picture(stage, view.main)
    screens = [person for person in others if Source.SCREEN in stage[person]]
    if screens:
        if previous is not None and previous.person in screens:
            return _picture(stage, previous.person)
        return _picture(stage, screens[0])
    if active is not None and active in others:
        return _picture(stage, active)
    if previous is not None and previous.person in others:
        return _picture(stage, previous.person)
    seen = [person for person in others if Source.CAMERA in stage[person]]
    return _picture(stage, (seen or others)[0])


def _video(
    stage: dict[str, frozenset[Source]],
    others: Sequence[str],
    view: View,
    main: Shown | None,
    before: Sequence[Shown | None],
) -> tuple[Shown | None, ...]:
    if not before:
        return ()
    room = 0 if view.audio_only else max(0, min(view.thumbs, len(before) - 1))
    cameras = [Shown(p, Source.CAMERA) for p in others if Source.CAMERA in stage[p]]
    chosen = [shown for shown in cameras if shown != main][:room]
    return (main, *_settle(chosen, before[1:]))


def _audio(
    stage: dict[str, frozenset[Source]],
    others: Sequence[str],
    main: Shown | None,
    before: Sequence[Shown | None],
) -> tuple[Shown | None, ...]:
    voices = [Shown(p, Source.MICROPHONE) for p in others if Source.MICROPHONE in stage[p]]
    if len(before) < 2 or main is None:
        return _settle(voices[: len(before)], before)
    lead = Shown(main.person, Source.MICROPHONE)
    if lead not in voices:
        return (None, *_settle(voices[: len(before) - 1], before[1:]))
    rest = [voice for voice in voices if voice != lead][: len(before) - 1]
    return (lead, *_settle(rest, before[1:]))


def _settle(chosen: Sequence[Shown], before: Sequence[Shown | None]) -> tuple[Shown | None, ...]:
    """``chosen`` laid into as many slots as ``before``, each where it was if it was there."""
    kept = [shown if shown in chosen else None for shown in before]
    new = iter([shown for shown in chosen if shown not in kept])
    return tuple(shown if shown is not None else next(new, None) for shown in kept)
