"""``pavilion load rooms``: green against a hub that keeps its promises, red where one is broken."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hub.load.checks import DECODE, Tally, View
from hub.load.wsclient import HandshakeFailed, connect
from tests.process.running import Start, eventually


def test_a_run_holds_every_check_while_a_worker_is_killed(start: Start, tmp_path: Path) -> None:
    pavilion = start(PAVILION__SERVER__WORKERS="2")
    address = pavilion.ready()
    report = tmp_path / "report.json"
    load = subprocess.Popen(
        [
            sys.executable, "-m", "hub", "load", "rooms", "--url", address, "--key", pavilion.key,
            "--people", "206", "--conferences", "2", "--negotiations", "5", "--capacity", "60",
            "--duration", "14", "--churn", "6", "--rate", "20", "--json", str(report),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        eventually(
            lambda: pavilion.call("GET", "/api/v1/occupancy")[1]["totals"]["live"] >= 120, "filling"
        )
        pavilion.child("hub-0").kill()
        said, _ = load.communicate(timeout=90)
    finally:
        load.kill()
    assert load.returncode == 0, said
    result = json.loads(report.read_text())
    assert result["ok"] and result["violations"] == {}
    counts = result["counts"]
    # Both conferences were filled to the seat, the others told where they stand in line.
    in_talks = 2 * 2 + 2 * 5 + 11
    assert counts["enter: entered"] >= 60 + 60 + in_talks
    assert counts["enter: waiting"] >= 206 - in_talks - 120
    assert counts["cut"] and counts["promoted"]
    # Half of all were on the killed worker, and sit where they sat.
    assert counts["resume: resumed"] > 30
    assert result["occupancy_readings"] > 0
    assert result["latency_ms"]["delivery"]["count"] > 1000


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 503 Service Unavailable\r\n\r\n"])
async def test_a_socket_that_never_opened_is_not_told_as_closed(answer: bytes) -> None:
    """Its person tries again: told twice, they would come in twice and replace themselves."""
    gone = asyncio.Event()

    async def turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()
        gone.set()

    closed: list[int] = []
    async with await asyncio.start_server(turn_away, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(HandshakeFailed):
            await connect(f"http://127.0.0.1:{port}", lambda _: None, closed.append)
        await gone.wait()
        await asyncio.sleep(0)  # what the loop still has to tell
    assert closed == []


def entered(seq: int, epoch: str = "a") -> str:
    return f'{{"type":"entered","re":1,"room":"r","epoch":"{epoch}","seq":{seq}}}'


def event(seq: int, epoch: str = "a") -> str:
    return f'{{"type":"event","room":"r","epoch":"{epoch}","seq":{seq},"kind":"chat","body":{{}}}}'


@pytest.mark.parametrize(
    ("messages", "check"),
    [
        ([entered(4), event(5), event(6)], None),
        ([entered(4), event(6)], "seq"),
        ([entered(4), event(5), event(5)], "seq"),
        ([entered(4), event(5, "b")], "seq"),
        ([entered(4), '{"type":"resumed","room":"r","seq":7}'], "seq"),
        ([entered(4), event(5), '{"type":"left","room":"r"}', event(6)], "seq"),
        ([entered(4), event(5), '{"type":"left","room":"r"}', entered(6).replace('"re":1,', ""),
          event(7)], None),
        ([event(5)], "seq"),
        (['{"type":"waiting","re":1,"room":"r","position":3,"total":2}'], "positions"),
        (['{"type":"waiting","re":1,"room":"r","position":3,"total":5}',
          '{"type":"waiting","room":"r","position":2,"total":9}'], None),
        (['{"type":"waiting","re":1,"room":"r","position":3,"total":5}',
          '{"type":"waiting","room":"r","position":4,"total":5}'], "positions"),
        ([entered(4), '{"type":"waiting","room":"r","position":1,"total":1}'], "positions"),
        (['{"type":"refused","re":1,"room":"r","code":"room_full"}'], None),
        (['{"type":"refused","re":1,"room":"r","code":"sorry"}'], "codes"),
        (['{"type":"ok","re":1}', '{"type":"ok","re":1}'], "answers"),
        (['{"type":"ok","re":8}'], "answers"),
        (['{"type":"room","room":"r","live":2,"held":1,"offered":1,"capacity":3}'], "capacity"),
    ],
)  # fmt: skip
def test_each_check_sees_its_fault(messages: list[str], check: str | None) -> None:
    tally = Tally()
    view = View("ann", "r", 3, tally)
    view.sent(1, 0.0)
    for message in DECODE("[" + ",".join(messages) + "]"):
        view.answered(message)
        view.take(message)
    assert list(tally.violations) == ([check] if check else [])


def test_one_seat_too_many_and_a_missing_answer_are_seen() -> None:
    tally = Tally()
    views = [View(name, "r", 2, tally) for name in ("ann", "ben", "eve")]
    for view in views[:2]:
        view.take(DECODE(f"[{entered(0)}]")[0])
    assert not tally.violations
    views[0].leaving()
    views[0].take(DECODE(f"[{event(1)}]")[0])  # was on its way: no fault
    views[2].take(DECODE(f"[{entered(0)}]")[0])
    assert not tally.violations and tally.peak["r"] == 2
    views[0].take(DECODE(f"[{entered(0)}]")[0])
    assert list(tally.violations) == ["capacity"]
    views[1].sent(7, 0.0)
    views[1].unanswered(60.0, 15.0)
    assert tally.violations["answers"] == 1
