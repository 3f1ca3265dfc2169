import assert from "node:assert/strict";
import { test } from "node:test";

import { byUrgency, effectOf, moves, parseCapacity, statusOf } from "../../static/js/desk-model.js";

const row = (more = {}) => ({
  room: "r", title: "R", live: 0, held: 0, offered: 0, waiting: 0, capacity: 100, reserved: 0,
  locked: false, state: "open", stage: 0, hands: 0, oldest_wait_ms: null, ...more,
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
  assert.deepEqual(effectOf(full, 46), { kind: "same", n: 0 });
  assert.deepEqual(effectOf(full, 40), { kind: "over", n: 6 });
  assert.deepEqual(effectOf(full, 49), { kind: "seats", n: 3 });
  assert.deepEqual(effectOf(full, 60), { kind: "seats", n: 5 });
  assert.deepEqual(effectOf(row({ live: 10 }), 12), { kind: "free", n: 2 });
});

test("a capacity is a whole number from 1 to 100,000", () => {
  assert.deepEqual(["1", " 40 ", "100000"].map(parseCapacity), [1, 40, 100000]);
  assert.deepEqual(["", "0", "-3", "1.5", "1e3", "100001", "０", "abc"].map(parseCapacity), Array(8).fill(null));
});

test("how many rows would move", () => {
  assert.equal(moves(["a", "b", "c"], ["a", "b", "c"]), 0);
  assert.equal(moves(["a", "b", "c"], ["c", "a", "b"]), 3);
});
