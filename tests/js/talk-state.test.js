import assert from "node:assert/strict";
import { test } from "node:test";

import { channelPoints, initial, reduce, timer } from "../../static/js/talk/state.js";

const event = (seq, kind, body, more = {}) => ({ type: "event", room: "n", epoch: "e", seq, kind, at: "2026-01-01T00:00:00Z", by: "a", body, ...more });
const say = (channel, seq, text) => event(seq, "chat", { text, name: "A" }, { channel });
const room = { type: "room", room: "n", live: 1, held: 0, stage: [], hands: [] };
const entered = (more = {}, channels = {}) => ({
  type: "entered", room: "n", epoch: "e", seq: 1, media_mode: "direct",
  snapshot: { room, roster: { items: [], total: 0, next: null }, chat: [], reactions: [], channels }, ...more,
});
const texts = (state, channel) => state.channels.get(channel)?.lines.map((line) => line.text);

test("a channel is numbered apart: the room's numbers do not move and make no hole", () => {
  let state = reduce(initial(), entered());
  state = reduce(state, say("side", 1, "between us"));
  state = reduce(state, event(2, "chat", { text: "to all", name: "A" }));
  state = reduce(state, say("side", 2, "us again"));
  assert.equal(state.gap, false);
  assert.equal(state.seq, 2);
  assert.deepEqual(texts(state, "side"), ["between us", "us again"]);
  assert.deepEqual(state.chat.map((line) => line.text), ["to all"]);
  assert.deepEqual(channelPoints(state), { side: 2 });
  assert.equal(reduce(state, say("side", 2, "us again")), state, "seen already");
});

test("a hole in a channel is marked, and its snapshot closes it without losing what was read", () => {
  let state = reduce(initial(), entered({}, { side: { seq: 1, chat: [say("side", 1, "one")] } }));
  state = reduce(state, say("side", 4, "four"));
  assert.deepEqual(state.holes, ["side"]);
  state = reduce(state, entered({ seq: 3 }, { side: { seq: 4, chat: [2, 3, 4].map((n) => say("side", n, String(n))) } }));
  assert.deepEqual(state.holes, []);
  assert.deepEqual(texts(state, "side"), ["one", "2", "3", "4"]);
});

test("the lobby: who waits knows that they must be let in, and may be talked to", () => {
  let state = reduce(initial(), { type: "waiting", room: "n", position: 1, total: 1, lobby: true });
  assert.equal(state.lobby, true);
  state = reduce(state, say("lobby:g", 1, "Good morning"));
  assert.deepEqual(texts(state, "lobby:g"), ["Good morning"]);
  state = reduce(state, entered());
  assert.equal(state.lobby, false);
  assert.equal(state.phase, "inside");
});

test("who knocks comes and goes", () => {
  const person = { id: "g", name: "Guest" };
  let state = reduce(initial(), entered());
  state = reduce(state, { type: "knocking", room: "n", person, waiting: true });
  assert.deepEqual([...state.knocking.keys()], ["g"]);
  state = reduce(state, { type: "knocking", room: "n", person, waiting: false });
  assert.equal(state.knocking.size, 0);
});

test("files, the timer, a move and the media mode are told by numbered events", () => {
  let state = reduce(initial(), entered());
  const file = { id: "f", filename: "offer.pdf", content_type: "application/pdf", size: 10 };
  state = reduce(state, event(2, "file", file));
  assert.deepEqual(state.files.get("f"), { ...file, by: "a" });
  state = reduce(state, event(3, "timer", { ends_at: "2026-01-01T10:00:00.000Z" }));
  assert.equal(state.ends_at, "2026-01-01T10:00:00.000Z");
  state = reduce(state, event(4, "media_mode", { mode: "sfu" }));
  assert.equal(state.media_mode, "sfu");
  state = reduce(state, event(5, "file_removed", { id: "f" }));
  assert.equal(state.files.size, 0);
  state = reduce(state, event(6, "moved", { room: "n-other" }));
  assert.equal(state.moved, "n-other");
  const holed = reduce(state, event(8, "file", file));
  assert.equal(holed.gap, true);
  assert.equal(holed.files.size, 0, "nothing after a hole is taken for the next");
});

test("each warning is given once, when its minute comes, and not for an end that is past", () => {
  const end = "2026-01-01T10:00:00.000Z";
  const at = (text) => Date.parse(`2026-01-01T${text}Z`);
  assert.equal(timer(null, 0, 0), null);
  assert.equal(timer("nonsense", 0, 0), null);
  assert.deepEqual(timer(end, at("09:54:59"), at("09:55:00")), { left_ms: 300_000, warn: 5 });
  assert.equal(timer(end, at("09:55:00"), at("09:55:01")).warn, 0);
  assert.equal(timer(end, at("09:58:59"), at("09:59:01")).warn, 1);
  assert.equal(timer(end, at("09:50:00"), at("09:59:30")).warn, 1, "a page that slept hears the nearest one");
  assert.equal(timer(end, at("09:50:00"), at("10:00:30")).warn, 0);
});
