import assert from "node:assert/strict";
import { test } from "node:test";

import { fingerprints, GROUPS, safetyCode } from "../../static/js/talk/code.js";

const sdp = (byte, more = "") => `v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\na=fingerprint:sha-256 ${Array(32).fill(byte).join(":")}\r\n${more}`;

test("both sides make the same code, of six groups of five digits", async () => {
  const here = await safetyCode(sdp("AA"), sdp("0b"));
  const there = await safetyCode(sdp("0B"), sdp("aa"));
  assert.equal(here.length, GROUPS);
  for (const group of here) assert.match(group, /^\d{5}$/);
  assert.deepEqual(here, there);
});

test("another key gives another code", async () => {
  const code = (await safetyCode(sdp("AA"), sdp("BB"))).join(" ");
  assert.notEqual((await safetyCode(sdp("AA"), sdp("BC"))).join(" "), code);
  assert.notEqual((await safetyCode(sdp("AA"), sdp("AA"))).join(" "), code);
});

test("a second key slipped into a description shows in the code", async () => {
  const second = `a=fingerprint:sha-256 ${Array(32).fill("CC").join(":")}\r\n`;
  assert.notDeepEqual(await safetyCode(sdp("AA"), sdp("BB", second)), await safetyCode(sdp("AA"), sdp("BB")));
  assert.deepEqual(fingerprints(sdp("BB", second)).length, 2);
  // The same key named once a media line is still one key.
  assert.deepEqual(fingerprints(sdp("BB") + sdp("bb")).length, 1);
});

test("without a key on either side there is no code to compare", async () => {
  assert.deepEqual(await safetyCode("v=0\r\n", sdp("AA")), []);
});
