"""Words of the on-site pages that Python chooses: refusals, days and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from hub.ports.onsite import IdentityShown, Slot
from hub.web import form_texts
from hub.web.fairtime import FairTime
from hub.web.i18n import Language
from rooms.times import rfc3339


def _(text: str) -> str:
    """Marks a text for the catalogues; it is looked up when it is shown."""
    return text


NUMBER: Final = _("{document} ending in {last4}")
KINDS: Final = {
    "resident_id": _("Chinese resident identity card"),
    "passport": _("Passport"),
    "permit": _("Travel permit (Hong Kong, Macao, Taiwan)"),
}

form_texts.add(
    {
        ("number", "missing"): _("Enter the number of your document."),
        ("number", "bad_format"): _("This is not how numbers of this kind of document look."),
        ("number", "bad_checksum"): _(
            "A digit is wrong or two have changed places. Compare it with the card."
        ),
        ("number", "bad_date"): _("The birthday in this number does not exist. Check the digits."),
        ("number", "number_taken"): _(
            "This number cannot be used with this account. If it is yours, ask at the desk."
        ),
        ("number", "rate_limited"): _("Too many numbers were tried. Try again in an hour."),
        ("consent", "missing"): _("Tick the box, or we may not keep the number."),
        ("slot", "missing"): _("Choose when you will come."),
        ("slot", "slot_full"): _("This time is full now. Choose another."),
        ("slot", "slot_over"): _("This time is over. Choose a later one."),
        ("slot", "unknown_slot"): _("This time was taken off the list. Choose another."),
        ("slot", "already_entered"): _(
            "You have come in today. You can book another day, not another time of this one."
        ),
        ("slot", "unknown_person"): _("This sign-in has no account. Register to get a pass."),
        ("slot", "no_pass"): _("There is no pass to give back."),
        ("capacity", "below_taken"): _("More places than that are taken already."),
        ("ends", "before_start"): _("The end must come after the beginning."),
    }
)


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot in the reader's words; times in the fair's zone."""

    id: str
    day: str
    time: str
    starts_at: str
    ends_at: str
    capacity: int
    taken: int
    left: int
    over: bool


def slot_view(slot: Slot, language: Language, zone: ZoneInfo, now_ms: int) -> SlotView:
    of_fair = FairTime(zone, language.locale)
    return SlotView(
        slot.id,
        of_fair.day(of_fair.day_of(slot.starts_ms)),
        of_fair.span(slot.starts_ms, slot.ends_ms),
        rfc3339(slot.starts_ms),
        rfc3339(slot.ends_ms),
        slot.capacity,
        slot.taken,
        slot.left,
        slot.ends_ms <= now_ms,
    )


def by_day(
    slots: Sequence[Slot], language: Language, zone: ZoneInfo, now_ms: int
) -> list[tuple[str, list[SlotView]]]:
    days: dict[str, list[SlotView]] = {}
    for slot in slots:
        view = slot_view(slot, language, zone, now_ms)
        days.setdefault(view.day, []).append(view)
    return list(days.items())


def number_text(shown: IdentityShown | None, language: Language) -> str:
    """The kind of document and its last four characters; "" when nothing is kept."""
    if shown is None or not shown.last4:
        return ""
    return language.text(
        NUMBER,
        document=language.text(KINDS[shown.kind]),
        last4=shown.last4,
    )
