import assert from "node:assert/strict";
import { test } from "node:test";

import { Countdown, Gone, kept, keptOf, minutesOf } from "../../static/js/ring/model.js";

globalThis.document = /** @type {any} */ ({ documentElement: { lang: "en", dataset: {} } });
const { ApiError } = await import("../../static/js/api.js");
const { refusal, toldStaff, toldVisitor } = await import("../../static/js/ring/words.js");

test("a ring that was over is known, and only the newest hundred are kept", () => {
  const gone = new Gone();
  for (let n = 0; n <= 100; n += 1) gone.add(`r${n}`);
  gone.add("r100"); // told twice: takes no second place
  assert.deepEqual([gone.has("r0"), gone.has("r1"), gone.has("r100")], [false, true, true]);
});

test("a call asks every two seconds and is given up ten seconds after its end", () => {
  const countdown = new Countdown(30_000, 1_000);
  const asked = [];
  for (let now = 1_000; now <= 43_000; now += 500) {
    const { ms, ask, last } = countdown.at(now);
    assert.equal(ms, Math.max(0, 31_000 - now));
    if (ask) asked.push([now, last]);
  }
  assert.deepEqual(asked.map(([now]) => now), Array.from({ length: 21 }, (_, n) => 3_000 + n * 2_000));
  assert.deepEqual(asked.filter(([, last]) => last).map(([now]) => now), [43_000]);
});

test("a page that slept asks once when it wakes", () => {
  const countdown = new Countdown(30_000, 0);
  assert.deepEqual(countdown.at(20_000), { ms: 10_000, ask: true, last: false });
  assert.equal(countdown.at(20_500).ask, false);
});

test("a tab comes back to its call on that company's page alone", () => {
  assert.equal(keptOf(kept("nanshan-optics", "r_7"), "nanshan-optics"), "r_7");
  assert.equal(keptOf(kept("nanshan-optics", "r_7"), "nanshan"), "");
  assert.equal(keptOf("", ""), "");
  assert.equal(keptOf("nanshan-optics", "nanshan-optics"), "");
});

test("minutes to wait are whole and never none", () => {
  assert.deepEqual([undefined, 0, 1, 60_000, 60_001].map(minutesOf), [1, 1, 1, 1, 2]);
});

/** @param {string} state @param {string|null} [why] @param {string|null} [by] */
const over = (state, why = null, by = null) => ({ id: "r", state, why, by });

test("each end of a call has its words on either side", () => {
  assert.equal(toldStaff(over("answered", null, "Wang Fang")), "Wang Fang took the call.");
  const staff = [over("answered"), over("cancelled", "hung_up"), over("missed", "no_answer"), over("missed", "dropped"), over("missed")].map(toldStaff);
  assert.equal(new Set(staff).size, staff.length);
  const visitor = [over("cancelled", "hung_up"), ...["nobody", "busy", "declined", "dropped", "no_answer"].map((why) => over("missed", why))].map(toldVisitor);
  assert.equal(new Set(visitor).size, visitor.length);
  assert.equal(toldVisitor(over("missed")), "Nobody answered.");
});

test("why a booth cannot be rung is said; what is no answer of the hub is no refusal", () => {
  const refused = (/** @type {number} */ status, /** @type {string} */ code, more = {}) => refusal(new ApiError(status, { code, ...more }));
  assert.match(refused(429, "rate_limited", { retry_after_ms: 90_000 }), /in 2 minutes/);
  assert.match(refused(429, "rate_limited", { retry_after_ms: 1 }), /in 1 minute\./);
  assert.match(refused(409, "already_ringing"), /another booth/);
  assert.match(refused(422, "invalid"), /200 characters/);
  assert.equal(refused(401, "unauthorised"), refused(403, "forbidden"));
  assert.match(refused(500, "internal"), /did not work/);
  assert.throws(() => refusal(new TypeError("a fault of ours")), TypeError);
});
