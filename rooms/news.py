"""What open pages are told, beside any room: the messages of GET /news and the hubs' notices.

The wire form is the class, as in ``rooms.messages``: a client sends one JSON object, the
server JSON arrays. Texts are by language (BCP 47 tag to text); the page picks the reader's.
docs/protocol.md shows a sample of each and a test keeps it complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from rooms.messages import BadMessage, Bye, ClientMessage, Id, Secret, ServerMessage, encode

SUBPROTOCOL: Final = "pavilion.news.v1"
MESSAGE_MAX: Final = 8 * 1024  # bytes of the one client message
TEXT_MAX: Final = 1_000  # characters of an announcement, each language
AUDIENCE_MAX: Final = 200  # names in one list of an audience
PERSONAL_MAX: Final = 200  # people of one personal notice

#: Roles an announcement can be for. A person is all that apply; ``exhibitor`` is the staff of a
#: company, ``speaker`` whoever speaks at a conference, ``participant`` every account.
AUDIENCE_ROLES: Final = ("participant", "exhibitor", "speaker", "moderator", "organiser")


class Audience(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom an announcement is for: whoever is in each list that has something in it.

    ``rooms``: who has a conference of that room in the agenda, or speaks there. ``on_site``:
    who has come in at the gate and whose pass is still good (True), or who has not (False).
    Empty: everybody, people without an account too.
    """

    roles: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    on_site: bool | None = None

    @property
    def everybody(self) -> bool:
        return self == EVERYBODY

    @property
    def roles_only(self) -> bool:
        return self == Audience(roles=self.roles)


EVERYBODY: Final = Audience()


# --- client ---------------------------------------------------------------------------------


class NewsHello(ClientMessage, frozen=True, tag="hello"):
    """Optional, once: who reads, proved by a one-use ticket (POST /api/v1/tickets)."""

    id: Id
    ticket: Secret


_hello: Final = msgspec.json.Decoder(NewsHello)


def parse(text: str) -> NewsHello:
    """Raises BadMessage."""
    try:
        return _hello.decode(text)
    except (msgspec.MsgspecError, UnicodeError) as fault:
        raise BadMessage(str(fault), None) from None


# --- server ---------------------------------------------------------------------------------


class NewsWelcome(ServerMessage, frozen=True, tag="welcome"):
    """The answer to ``hello``: from here on news for this person come too."""

    re: int
    participant: str


class Announcement(ServerMessage, frozen=True, tag="announcement"):
    """New. The page shows it until ``until`` or until it is withdrawn."""

    id: str
    texts: dict[str, str]
    at: str
    until: str


class Current(ServerMessage, frozen=True, tag="current"):
    """All announcements for this reader that hold now: what the page shows besides is over.

    Sent after connecting, after ``hello``, and when the hub may have missed something."""

    announcements: tuple[Announcement, ...]


class Withdrawn(ServerMessage, frozen=True, tag="withdrawn"):
    id: str


class Reminder(ServerMessage, frozen=True, tag="reminder"):
    """A conference of the reader's agenda begins within ten minutes. ``titles`` by language
    come before ``title``. Sent once; a page that comes back later gets it again, same ``id``."""

    id: str
    conference: str
    title: str
    titles: dict[str, str]
    room: str
    starts_at: str


class Caller(msgspec.Struct, frozen=True):
    name: str
    organisation: str | None


class Ring(ServerMessage, frozen=True, tag="ring"):
    """Somebody rings at the booth of the reader's company. Over at ``expires_at`` at the latest.
    A page that is opened meanwhile is told after ``hello``; the same ``id`` may come twice."""

    id: str
    company: str
    company_name: str
    caller: Caller
    subject: str
    expires_at: str


class RingOver(ServerMessage, frozen=True, tag="ring_over"):
    """It rings no more, for this reader. ``state``: answered, refused, missed, cancelled;
    ``why`` says more, ``by`` is the name of who took it."""

    id: str
    state: str
    why: str | None
    by: str | None


class Call(ServerMessage, frozen=True, tag="call"):
    """The ring was taken: to the visitor and to whoever took it. ``room`` is open for both."""

    id: str
    room: str


class Invited(ServerMessage, frozen=True, tag="invited"):
    """A colleague asks the reader into a talk, of which they are a member already."""

    room: str
    subject: str
    by: str
    starts_at: str


class AppointmentNews(ServerMessage, frozen=True, tag="appointment"):
    """An appointment of the reader changed, or begins soon (``reminder``). ``party`` is the
    other side's name, ``url`` the page to go to."""

    id: str
    state: str
    subject: str
    starts_at: str
    party: str
    url: str
    reminder: bool = False


CLIENT_MESSAGES: Final[tuple[type[ClientMessage], ...]] = (NewsHello,)
SERVER_MESSAGES: Final[tuple[type[ServerMessage], ...]] = (
    NewsWelcome, Current, Announcement, Withdrawn, Reminder, Ring, RingOver, Call, Invited,
    AppointmentNews, Bye,
)  # fmt: skip


# --- between hubs ---------------------------------------------------------------------------


class AnnouncedNotice(msgspec.Struct, frozen=True, tag_field="n", tag="a"):
    id: str
    texts: dict[str, str]
    audience: Audience
    at_ms: int
    until_ms: int


class WithdrawnNotice(msgspec.Struct, frozen=True, tag_field="n", tag="w"):
    id: str
    audience: Audience


class PersonalNotice(msgspec.Struct, frozen=True, tag_field="n", tag="p"):
    """One message for some people's pages, on whatever hub they are; made by ``personal``."""

    to: tuple[str, ...]
    message: msgspec.Raw


def personal(to: Iterable[str], message: ServerMessage) -> PersonalNotice:
    """``message`` for the pages of these people, at most PERSONAL_MAX."""
    people = tuple(dict.fromkeys(to))[:PERSONAL_MAX]
    return PersonalNotice(people, msgspec.Raw(encode(message)))


class RingNotice(msgspec.Struct, frozen=True, tag_field="n", tag="r"):
    """``message`` (a Ring) for the pages of ``to``; every hub learns that ``visitor`` rings.
    ``page``: from a page, so that they are gone when no hub has one of theirs."""

    id: str
    visitor: str
    to: tuple[str, ...]
    message: msgspec.Raw
    until_ms: int
    page: bool = True


class RingOverNotice(msgspec.Struct, frozen=True, tag_field="n", tag="o"):
    """``message`` (a RingOver) for the pages of ``to``. ``visitor`` rings no more; None: it goes
    on for others."""

    id: str
    visitor: str | None
    to: tuple[str, ...]
    message: msgspec.Raw


class NewsProbe(msgspec.Struct, frozen=True, tag_field="n", tag="t"):
    """Proves that what is published comes back to the hub it names."""

    hub: str


NewsNotice = (
    AnnouncedNotice | WithdrawnNotice | PersonalNotice | RingNotice | RingOverNotice | NewsProbe
)
