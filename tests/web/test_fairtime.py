"""Times have one form for people, by 24 hours in the fair's zone; and one place that writes it."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from hub.web.fairtime import FairTime

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Asia/Shanghai")
AT = int(datetime(2026, 11, 30, 13, 45, tzinfo=ZONE).timestamp() * 1000)
#: Where clocks are written or read that are no text for people: a sheet's column, fields of forms.
OTHER = {"hub/web/company_people.py", "hub/web/organise/talk_sheets.py",
         "hub/web/organise/programme.py"}  # fmt: skip
IN_PYTHON = re.compile(
    r"%[HI]\b|%p\b|format_(?:time|datetime|interval|timedelta|skeleton)\b|get_time_format"
)
IN_SCRIPTS = re.compile(r"Intl\.DateTimeFormat\b|toLocale(?:Time|Date)?String|getHours|hour12")
IN_TEMPLATES = re.compile(r"strftime|isoformat\(\)[^\"]*T|\b[AP]M\b|format_time|\.hour\b")


def times(tag: str) -> FairTime:
    return FairTime(ZONE, Locale.parse(tag, sep="-"))


@pytest.mark.parametrize(
    ("tag", "date", "stamp", "moment"),
    [
        ("en", "Nov 30, 2026", "Nov 30, 2026, 13:45", "Mon 30 Nov, 13:45"),
        ("zh-Hans", "2026年11月30日", "2026年11月30日 13:45", "11月30日 周一 13:45"),
    ],
)
def test_times_in_both_languages(tag: str, date: str, stamp: str, moment: str) -> None:
    of_fair = times(tag)
    assert of_fair.clock(AT) == "13:45"
    assert of_fair.span(AT, AT + 1_800_000) == "13:45–14:15"
    assert of_fair.list_day(AT) == date
    assert of_fair.stamp(AT) == stamp
    assert of_fair.zoned(AT) == f"{stamp} (Asia/Shanghai)"
    assert of_fair.moment(AT) == moment
    assert of_fair.clock(AT - 13 * 3_600_000) == "00:45"  # never 24:45, never 12:45


def found(pattern: re.Pattern[str], where: str, suffix: str, but: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in sorted((ROOT / where).rglob(f"*{suffix}"))
        if str(path.relative_to(ROOT)) not in but
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_else_writes_a_time() -> None:
    assert found(IN_PYTHON, "hub/web", ".py", {"hub/web/fairtime.py", *OTHER}) == []
    assert found(IN_SCRIPTS, "static/js", ".js", {"static/js/i18n.js"}) == []
    assert found(IN_TEMPLATES, "templates", ".html", set()) == []
