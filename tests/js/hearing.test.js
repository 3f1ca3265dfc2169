import assert from "node:assert/strict";
import { test } from "node:test";

import { Hearing } from "../../static/js/hearing.js";

/** Levels every 80 ms. @returns what was told, and when */
function told(hearing, parts, start = 0) {
  const found = [];
  let now = start;
  for (const [ms, level, on] of parts) {
    for (const end = now + ms; now < end; now += 80) {
      const said = hearing.hear(level, on, now);
      if (said) found.push([said, Math.round(now / 1000)]);
    }
  }
  return found;
}

test("an open microphone that stays silent is told of once", () => {
  assert.deepEqual(told(new Hearing(), [[30_000, 0.001, true]]), [["silent", 8]]);
});

test("a voice now and then is no silence; falling silent afterwards is news", () => {
  const talking = [[6_000, 0.001, true], [400, 0.5, true]];
  assert.deepEqual(told(new Hearing(), [...talking, ...talking, ...talking]), []);
  assert.deepEqual(told(new Hearing(), [[9_000, 0, true], [400, 0.5, true], [9_000, 0, true]]).map(([s]) => s), ["silent", "silent"]);
});

test("a muted microphone may be silent for ever", () => {
  assert.deepEqual(told(new Hearing(), [[60_000, 0, false]]), []);
});

test("talking while muted is told of, at most every half minute", () => {
  assert.deepEqual(told(new Hearing(), [[70_000, 0.5, false]]).map(([s]) => s), ["muted", "muted", "muted"]);
});

test("a cough is not talking, and words before muting do not count", () => {
  assert.deepEqual(told(new Hearing(), [[400, 0.8, false], [5_000, 0.01, false], [400, 0.8, false]]), []);
  assert.deepEqual(told(new Hearing(), [[5_000, 0.8, true], [400, 0.8, false], [3_000, 0.01, false]]), []);
});
