"""``pavilion demo``: rooms in every state, people in them, links that work."""

from __future__ import annotations

import urllib.request

import psutil

from tests.process.running import Start, eventually


def test_a_sample_fair_is_alive_and_starts_again(start: Start) -> None:
    demo = start("demo")
    address = demo.ready()
    demo.wait_for("secrets are")

    def totals() -> dict[str, int]:
        return dict(demo.call("GET", "/api/v1/occupancy")[1]["totals"])

    eventually(lambda: totals()["live"] == 42, "sample people in their seats")
    rows = {row["room"]: row for row in demo.call("GET", "/api/v1/occupancy")[1]["rooms"]}
    assert len(rows) >= 12
    assert {500, 1000, 100} <= {row["capacity"] for row in rows.values()}
    assert rows["legal-clinic"]["live"] == rows["legal-clinic"]["capacity"] == 3
    assert rows["ministers-round"]["locked"] and rows["investors-hour"]["state"] == "scheduled"
    for label in ("moderator", "host", "speaker", "organiser"):
        link = demo.wait_for(rf"{label} .*: ({address}\S+)")[1]
        with urllib.request.urlopen(link, timeout=10) as page:
            assert page.status == 200
    people = [
        child
        for child in psutil.Process(demo.process.pid).children()
        if "hub.demo_people" in " ".join(child.cmdline())
    ]
    assert len(people) == 1
    assert demo.key not in " ".join(people[0].cmdline())
    assert demo.end() == 0
    assert not people[0].is_running()

    quiet = start("demo", "--no-people")
    quiet.ready()
    quiet.wait_for("secrets are")
    assert quiet.call("GET", "/api/v1/rooms/investors-hour")[1]["state"] == "scheduled"
    assert quiet.end() == 0
