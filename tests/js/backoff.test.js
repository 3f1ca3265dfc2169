import assert from "node:assert/strict";
import { test } from "node:test";

import { delay, FIRST_MS, LONGEST_MS } from "../../static/js/backoff.js";
import { CLOSE, comesBack } from "../../static/js/messages.js";

test("the window doubles up to its longest, and jitter fills it from nought", () => {
  assert.equal(delay(0, 0), 0);
  assert.equal(delay(0, 0.999999), FIRST_MS);
  assert.equal(delay(1, 0.5), FIRST_MS);
  assert.equal(delay(3, 0.5), 2000);
  assert.equal(delay(50, 0.999999), LONGEST_MS);
  for (let attempt = 0; attempt < 40; attempt += 1) {
    assert.ok(delay(attempt, 0.99) <= LONGEST_MS);
    assert.ok(delay(attempt + 1, 0.5) >= delay(attempt, 0.5));
  }
});

test("a wait the server asked for is a floor, and a thousand people still spread over it", () => {
  assert.equal(delay(0, 0, 4000), 4000);
  assert.equal(delay(0, 0.5, 4000), 5000);
  assert.ok(delay(0, 0.999, 4000) <= 6000);
  assert.ok(delay(9, 0.999, 1000) <= 1000 + LONGEST_MS);
});

test("codes below 4500 come back, the others do not", () => {
  assert.deepEqual(Object.values(CLOSE).filter((code) => !comesBack(code)), [4500, 4501, 4502, 4503, 4504, 4505]);
  assert.ok(comesBack(1006) && comesBack(1001));
});
