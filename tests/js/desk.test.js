import assert from "node:assert/strict";
import { test } from "node:test";

import { byUrgency, effectOf, moves, parseCapacity, parseSeats, statusOf, Trend } from "../../static/js/desk-model.js";

const row = (more = {}) => ({
  room: "r", title: "R", live: 0, held: 0, offered: 0, waiting: 0, capacity: 100, reserved: 0,
  locked: false, state: "open", stage: 0, stage_capacity: 9, hands: 0, oldest_wait_ms: null, privileged: null, ...more,
});

test("held and offered seats count as taken", () => {
  assert.equal(statusOf(row({ live: 98, held: 1, offered: 1 })), "full");
  assert.equal(statusOf(row({ live: 98, held: 1, offered: 2 })), "over");
});

test("thresholds", () => {
  assert.deepEqual([0, 69, 70, 89, 90, 99, 100, 101].map((live) => statusOf(row({ live }))),
    ["quiet", "quiet", "filling", "filling", "nearly_full", "nearly_full", "full", "over"]);
  assert.equal(statusOf(row({ waiting: 1 })), "full", "reserved seats may be free while others wait");
  assert.equal(statusOf(row({ locked: true })), "locked");
  assert.equal(statusOf(row({ state: "closed", live: 200 })), "closed");
});

test("urgency: over, then the longest line, then full, nearly full, quiet, closed", () => {
  const rows = [row({ room: "closed", state: "closed" }), row({ room: "quiet" }), row({ room: "full", live: 100 }),
    row({ room: "line2", live: 100, waiting: 2 }), row({ room: "line9", live: 100, waiting: 9 }),
    row({ room: "near", live: 95 }), row({ room: "over", live: 120 })];
  assert.deepEqual(rows.sort(byUrgency).map((r) => r.room), ["over", "line9", "line2", "full", "near", "quiet", "closed"]);
});

test("what a change would do", () => {
  const full = row({ live: 46, waiting: 5, capacity: 46 });
  const effect = (...given) => { const { kind, n, most, kept } = effectOf(...given); return [kind, n, most, kept]; };
  assert.deepEqual(effect(full, 46), ["same", 0, 0, 0]);
  assert.deepEqual(effect(full, 40), ["over", 6, 6, 0]);
  assert.deepEqual(effect(full, 49), ["seats", 3, 3, 0]);
  assert.deepEqual(effect(full, 60), ["seats", 5, 5, 0]);
  assert.deepEqual(effect(row({ live: 10 }), 12), ["free", 2, 2, 0]);
  assert.deepEqual(effect({ ...full, locked: true }, 60), ["locked", 0, 0, 0]);
});

test("reserved seats: kept ones are not promised to those who wait", () => {
  const effect = (...given) => { const { kind, n, most, kept } = effectOf(...given); return [kind, n, most, kept]; };
  // Ten seats, three of them reserved, one speaker and seven others in: two stay kept.
  const kept = row({ live: 8, waiting: 5, capacity: 10, reserved: 3, privileged: 1 });
  assert.deepEqual(effect(kept, 12), ["seats", 2, 2, 2]);
  assert.deepEqual(effect(kept, 9), ["seats", 0, 0, 1]);
  assert.deepEqual(effect(kept, 10, 0), ["seats", 2, 2, 0]);
  assert.deepEqual(effect(kept, 11, 1), ["seats", 3, 3, 0]);
  // Lowered earlier: fewer free seats than are kept.
  assert.deepEqual(effect(row({ live: 7, waiting: 4, capacity: 7, reserved: 3, privileged: 0 }), 8), ["seats", 0, 0, 1]);
  // More privileged people than reserved seats use up later ones too.
  assert.deepEqual(effect(row({ live: 10, waiting: 4, capacity: 10, reserved: 2, privileged: 4 }), 12, 3), ["seats", 2, 2, 0]);
  // Nobody counts them while nothing is reserved: then only a range can be said.
  assert.deepEqual(effect(row({ live: 10, waiting: 9, capacity: 10 }), 14, 3), ["seats", 1, 4, 3]);
  assert.deepEqual(effect(row({ live: 2, capacity: 10, reserved: 3, privileged: 0 }), 12), ["free", 10, 10, 3]);
});

test("reserved seats as typed: none to all", () => {
  assert.deepEqual(["0", "10", "11", "x"].map((text) => parseSeats(text, 0, 10)), [0, 10, null, null]);
});

test("a capacity is a whole number from 1 to 100,000", () => {
  assert.deepEqual(["1", " 40 ", "100000"].map(parseCapacity), [1, 40, 100000]);
  assert.deepEqual(["", "0", "-3", "1.5", "1e3", "100001", "０", "abc"].map(parseCapacity), Array(8).fill(null));
});

test("how many rows would move", () => {
  assert.equal(moves(["a", "b", "c"], ["a", "b", "c"]), 0);
  assert.equal(moves(["a", "b", "c"], ["c", "a", "b"]), 3);
});

test("the trend keeps ten minutes, a point every ten seconds, and its newest at the right", () => {
  const trend = new Trend();
  for (let s = 0; s <= 1200; s += 2) trend.add(s * 1000, s);
  assert.equal(trend.points.length, 61);
  assert.equal(trend.points[0].at, 600_000);
  assert.equal(trend.change, 592);
  const points = trend.line(1_200_000, 2400).split(" ");
  assert.equal(points[0], "0.0,14.9", "608 of 2,400 seats");
  assert.equal(points.at(-1), "100.0,10.0");
  assert.equal(new Trend().line(0, 10), "");
});
