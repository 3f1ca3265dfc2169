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
