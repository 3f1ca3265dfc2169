"""What states, refusals and quotas of appointments are called, to readers of either language."""

from __future__ import annotations

from typing import Final

from hub.ports.appointments import AppointmentRefused
from hub.web import form_texts
from hub.web.i18n import Language
from rooms.appointments import Act, State


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


STATES: Final[dict[State, str]] = {
    State.PENDING: _("Waiting for an answer"),
    State.COUNTERED: _("Another time proposed"),
    State.CONFIRMED: _("Agreed"),
    State.RUNNING: _("Taking place"),
    State.DONE: _("Took place"),
    State.NO_SHOW: _("Somebody did not come"),
    State.DECLINED: _("Declined"),
    State.CANCELLED: _("Called off"),
    State.LAPSED: _("Not answered in time"),
}
#: The badge's tone (templates/parts.html).
TONES: Final[dict[State, str]] = {
    State.PENDING: "warn",
    State.COUNTERED: "warn",
    State.CONFIRMED: "ok",
    State.RUNNING: "live",
    State.NO_SHOW: "danger",
    State.DECLINED: "danger",
    State.CANCELLED: "danger",
}
#: What a mail says has become of an appointment.
TOLD: Final[dict[str, str]] = {
    "ask": _("A meeting was asked for"),
    Act.ACCEPT: _("Meeting agreed"),
    Act.DECLINE: _("Meeting declined"),
    Act.PROPOSE: _("Another time is proposed for a meeting"),
    Act.HAND_OVER: _("A meeting was handed over to a colleague"),
    Act.CANCEL: _("Meeting called off"),
    Act.LAPSE: _("A request for a meeting was not answered in time"),
}
PLACES: Final[dict[str, str]] = {
    "online": _("Online"),
    "on_site": _("At the booth"),
    "both": _("Online or at the booth"),
}
QUOTAS: Final[dict[str, str]] = {
    "pending": _("unanswered requests for meetings"),
    "pending_day": _("unanswered requests for meetings on one day"),
    "confirmed": _("agreed meetings to come"),
    "confirmed_day": _("agreed meetings on one day"),
}

REFUSED: Final[dict[str, str]] = {
    "unknown_company": _("There is no such company any more."),
    "unknown_slot": _("This time is no longer offered."),
    "unknown_appointment": _("There is no such meeting."),
    "unknown_person": _("Choose somebody of the company's staff."),
    "unknown_zone": _("There is no such time zone."),
    "own_company": _("You work for this company."),
    "own_slots_only": _("You can do this for your own meetings only. Ask an owner or editor."),
    "in_the_past": _("This time has passed. Choose a later one."),
    "too_far": _("This is too far ahead."),
    "bad_length": _("A meeting is 15 to 60 minutes long, in steps of five."),
    "bad_time": _("Choose a day and a time, on a full five minutes."),
    "bad_place": _("The meeting cannot be held there."),
    "no_such_time": _("The clocks are changed then: there is no such time on that day."),
    "no_slots": _("Between these hours there is no room for a single meeting."),
    "capacity": _("The number of places or the table is outside what is possible."),
    "slot_taken": _("Somebody else was quicker. Choose another time."),
    "visitor_busy": _("The visitor has another meeting then. Choose another time."),
    "staff_busy": _("This colleague has another meeting then. Choose somebody else."),
    "table_busy": _("The table at the booth is taken then. Choose another time."),
    "slot_overlaps": _("Another slot of the same person or table is at that time."),
    "slot_in_use": _("Somebody has this slot: its time, place and person stay as they are."),
    "below_taken": _("More places than that are taken already."),
    "too_many_slots": _("There are as many slots as there may be."),
    "too_many_companies": _("A round has two to twelve companies."),
    "clash": _("Something in your agenda is at that time."),
    "not_yours": _("This is for the other side to do."),
    "not_asked": _("This was answered already."),
    "not_agreed": _("This meeting was not agreed."),
    "not_begun": _("This meeting has not begun yet."),
    "over": _("This is over: nothing can be changed any more."),
    "bad_form": _("This is not possible for this kind of meeting."),
}  # fmt: skip

#: Fields of the forms that a refusal is shown beside. Codes alone belong to other parts too.
_FIELDS: Final = (
    "pick", "place", "day", "clock", "length", "first", "opens", "closes", "title", "capacity",
    "staff", "seats", "others",
)  # fmt: skip
_BESIDE: Final[dict[str | tuple[str, str], str]] = {
    **{(field, code): text for field in _FIELDS for code, text in REFUSED.items()},
    ("subject", "missing"): _("Say what the meeting is about."),
    ("pick", "missing"): _("Choose a time."),
    ("pick", "visitor_busy"): _("You have another meeting then. Choose another time."),
    ("title", "bad_form"): _("Name the session."),
}
form_texts.add(_BESIDE)

_NONE: Final = _("The fair allows you no {what}.")
_USED: Final = _("You have as many {what} as the fair allows: {n}.")


def quota_text(language: Language, quota: str, allowed: int) -> str:
    """Which quota is used up, and its number; 0 is said plainly."""
    what = language.text(QUOTAS[quota.split("_", 1)[1]])
    if allowed == 0:
        return language.text(_NONE, what=what)
    return language.text(_USED, what=what, n=language.number(allowed))


def quota_detail(quota: str, allowed: int) -> str:
    """The same for programs, in English."""
    words = (_USED if allowed else _NONE).replace("{n}", str(allowed))
    return words.replace("{what}", QUOTAS[quota.split("_", 1)[1]])


def refused_text(language: Language, refused: AppointmentRefused) -> str:
    """The sentence for a refusal."""
    if refused.code == "quota":
        return quota_text(language, refused.quota, refused.allowed)
    return language.text(REFUSED[refused.code])
