import assert from "node:assert/strict";
import { test } from "node:test";

import { Kept, pick } from "../../static/js/news-model.js";

const NOW = Date.parse("2026-11-22T09:00:00Z");
const announcement = (id, more = {}) => ({
  type: "announcement", id, texts: { en: `n ${id}`, "zh-Hans": `新 ${id}` },
  at: "2026-11-22T08:59:00Z", until: "2026-11-22T10:00:00Z", ...more,
});
const reminder = { type: "reminder", id: "c.1", conference: "c", title: "Trade", titles: { "zh-Hans": "贸易" }, room: "r", starts_at: "2026-11-22T09:08:00Z" };

test("the reader's language, else one of its kind, else any", () => {
  assert.deepEqual(pick({ en: "a", "zh-Hant": "b" }, "zh-Hans"), ["b", "zh-Hant"]);
  assert.deepEqual(pick({ fr: "c" }, "en"), ["c", "fr"]);
  assert.deepEqual(pick({}, "en"), ["", "en"]);
});

test("nothing is shown twice, after its end, or once dismissed", () => {
  const kept = new Kept("zh-Hans", ["old"]);
  assert.equal(kept.take(announcement("a"), NOW), true);
  assert.equal(kept.take(announcement("a"), NOW), false);
  assert.equal(kept.take(announcement("old"), NOW), false);
  assert.equal(kept.take(announcement("late", { until: "2026-11-22T08:00:00Z" }), NOW), false);
  assert.equal(kept.shown()[0].text, "新 a");
  kept.dismiss("a");
  assert.equal(kept.take({ type: "current", announcements: [announcement("a")] }, NOW), false);
  assert.deepEqual(kept.shown(), []);
});

test("current ends what it does not name, and no reminder", () => {
  const kept = new Kept("en", []);
  kept.take(announcement("a"), NOW);
  kept.take(reminder, NOW);
  assert.equal(kept.take({ type: "current", announcements: [announcement("b")] }, NOW), true);
  assert.deepEqual(kept.shown().map((item) => item.id), ["c.1", "b"]);
  assert.equal(kept.take({ type: "withdrawn", id: "b" }, NOW), true);
  assert.equal(kept.shown()[0].text, "Trade");
  assert.equal(kept.expire(NOW + 20 * 60_000), true);
  assert.deepEqual(kept.shown(), []);
});

test("what is for one person leads somewhere, once, and for its time", () => {
  const kept = new Kept("en", []);
  const appointment = { type: "appointment", id: "p", state: "confirmed", subject: "Cold chain", starts_at: "2026-11-22T12:00:00Z", party: "Pearl", url: "/me/appointments", reminder: false };
  assert.equal(kept.take({ type: "call", id: "r", room: "n-1" }, NOW), true);
  assert.equal(kept.take({ type: "invited", room: "n-2", subject: "Robots", by: "Li Na", starts_at: "2026-11-22T09:00:00Z" }, NOW), true);
  assert.equal(kept.take(appointment, NOW), true);
  assert.equal(kept.take(appointment, NOW), false);
  assert.equal(kept.take({ ...appointment, state: "cancelled" }, NOW), true, "each change is news");
  assert.deepEqual(kept.shown().map(({ kind, href, party, state }) => [kind, href, party, state]), [
    ["call", "/negotiations/n-1", "", ""],
    ["invited", "/negotiations/n-2", "Li Na", ""],
    ["appointment", "/me/appointments", "Pearl", "confirmed"],
    ["appointment", "/me/appointments", "Pearl", "cancelled"],
  ]);
  kept.take({ type: "current", announcements: [] }, NOW);
  assert.equal(kept.shown().length, 4, "announcements alone end with current");
  kept.expire(NOW + 61_000);
  assert.equal(kept.shown().length, 3, "a call is over soon");
});
