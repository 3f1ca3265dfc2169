"""Times as pages show them: in the fair's zone, by 24 hours in every language; scripts add the
reader's own beside them. Nothing else writes a time for people (tests/web/test_fairtime.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import (
    format_date,
    format_datetime,
    format_skeleton,
    get_datetime_format,
    get_timezone_name,
)


@dataclass(frozen=True, slots=True)
class FairTime:
    """``zone`` is the fair's, ``locale`` the reader's."""

    zone: ZoneInfo
    locale: Locale

    def local(self, ms: int) -> datetime:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(self.zone)

    def day_of(self, ms: int) -> date:
        return self.local(ms).date()

    def bounds(self, day: date) -> tuple[int, int]:
        """The day's first moment and the next day's, ms; 23 or 25 hours where clocks change."""
        both = [datetime.combine(one, time(), self.zone) for one in (day, day + timedelta(days=1))]
        return int(both[0].timestamp() * 1000), int(both[1].timestamp() * 1000)

    def clock(self, ms: int) -> str:
        return self.local(ms).strftime("%H:%M")

    def span(self, starts_ms: int, ends_ms: int) -> str:
        return f"{self.clock(starts_ms)}–{self.clock(ends_ms)}"

    def list_day(self, ms: int) -> str:
        """``Nov 28, 2026``, ``2026年11月28日``: for lists."""
        return format_date(self.local(ms), "medium", locale=self.locale)

    def month_day(self, ms: int) -> str:
        """``Nov 28``: under a chart."""
        return format_skeleton("MMMd", self.local(ms), locale=self.locale)

    def stamp(self, ms: int) -> str:
        """Date and time."""
        joined = str(get_datetime_format("medium", locale=self.locale))
        return joined.format(self.clock(ms), self.list_day(ms))

    def zoned(self, ms: int) -> str:
        """Date, time and zone: where the page does not name the zone."""
        return f"{self.stamp(ms)} ({self.zone.key})"

    def day(self, day: date) -> str:
        """Weekday and date, for a heading."""
        return format_date(day, "full", locale=self.locale)

    def short_day(self, day: date) -> str:
        """For a tab: ``Sat 5 Sep``, ``9月5日 周六``."""
        pattern = "M月d日 EEE" if self.locale.language == "zh" else "EEE d MMM"
        return format_date(day, pattern, locale=self.locale)

    def moment(self, ms: int) -> str:
        """Day and time, without the year."""
        chinese = self.locale.language == "zh"
        pattern = "M月d日 EEE HH:mm" if chinese else "EEE d MMM, HH:mm"
        return format_datetime(self.local(ms), pattern, locale=self.locale)

    def zone_name(self, ms: int) -> str:
        """``China Standard Time (Asia/Shanghai)``."""
        name = get_timezone_name(self.local(ms), locale=self.locale)
        return name if name == self.zone.key else f"{name} ({self.zone.key})"


def language_name(tag: str, locale: Locale) -> str:
    """A spoken language in the reader's language, without its script: nobody hears that. The
    tag itself when nobody knows it."""
    name = locale.languages.get(tag.split("-", 1)[0].lower())
    return str(name) if name else tag
