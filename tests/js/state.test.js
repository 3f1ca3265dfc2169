import assert from "node:assert/strict";
import { test } from "node:test";

import { CHAT_MAX, inOrder, initial, onStage, reduce } from "../../static/js/state.js";

const person = (id, more = {}) => ({
  id, name: id, role: "participant", company: null, state: "live", stage: false, hand: null, ...more,
});
const room = (more = {}) => ({
  type: "room", room: "r", live: 1, held: 0, offered: 0, waiting: 0, capacity: 5, reserved: 0,
  locked: false, lock_message: null, chat: "on", slow_mode_s: 0, state: "open", title: "R",
  stage: [], hands: [], ...more,
});
const chat = (seq, text, epoch = "e1") => ({
  type: "event", room: "r", epoch, seq, kind: "chat", at: "2026-01-01T00:00:00Z", by: "a", body: { text, name: "A" },
});
const entered = (more = {}) => ({
  type: "entered", room: "r", seat: { gen: 1, lease_ms: 30000 }, epoch: "e1", seq: 3, media_mode: "sfu",
  snapshot: { room: room(), roster: { items: [person("a")], total: 1, next: null }, chat: [chat(2, "two"), chat(3, "three")], reactions: ["👍"] },
  ...more,
});
const texts = (state) => state.chat.map((line) => line.text);

test("a snapshot opens the room, and events after it go on from its seq", () => {
  let state = reduce(initial(), entered());
  assert.equal(state.phase, "inside");
  assert.deepEqual(texts(state), ["two", "three"]);
  state = reduce(state, chat(4, "four"));
  assert.deepEqual(texts(state), ["two", "three", "four"]);
  assert.equal(state.seq, 4);
  assert.equal(state.gap, false);
});

test("an event seen twice changes nothing, the very state object included", () => {
  const state = reduce(reduce(initial(), entered()), chat(4, "four"));
  assert.equal(reduce(state, chat(4, "four")), state);
});

test("a hole, and another epoch, are gaps that a fresh snapshot heals without losing what was read", () => {
  const before = reduce(reduce(initial(), entered()), chat(4, "four"));
  const holed = reduce(before, chat(6, "six"));
  assert.equal(holed.gap, true);
  assert.equal(holed.seq, 4, "nothing after a hole may be taken for the next");
  assert.equal(reduce(before, chat(5, "five", "e2")).gap, true);
  const healed = reduce(holed, entered({ seq: 6, snapshot: { ...entered().snapshot, chat: [chat(4, "four"), chat(5, "five"), chat(6, "six")] } }));
  assert.equal(healed.gap, false);
  assert.deepEqual(texts(healed), ["two", "three", "four", "five", "six"]);
});

test("another epoch's snapshot replaces the chat", () => {
  const state = reduce(reduce(initial(), entered()), entered({ epoch: "e2", seq: 1, snapshot: { ...entered().snapshot, chat: [chat(1, "new", "e2")] } }));
  assert.deepEqual(texts(state), ["new"]);
});

test("a message taken back loses its text and keeps its place", () => {
  const state = reduce(reduce(initial(), entered()), { ...chat(4, ""), kind: "unsay", body: { seq: 2 } });
  assert.deepEqual(state.chat.map((line) => [line.seq, line.text, line.unsaid]), [[2, "", true], [3, "three", false]]);
});

test("chat is bounded", () => {
  let state = reduce(initial(), entered());
  for (let seq = 4; seq < CHAT_MAX + 100; seq += 1) state = reduce(state, chat(seq, String(seq)));
  assert.equal(state.chat.length, CHAT_MAX);
  assert.equal(state.chat.at(-1).text, String(CHAT_MAX + 99));
});

test("roster changes add, change and remove people", () => {
  let state = reduce(initial(), entered());
  state = reduce(state, { type: "roster", room: "r", add: [person("b"), person("a", { name: "Anna" })], remove: [], total: 2 });
  assert.deepEqual([...state.people.values()].map((p) => p.name), ["Anna", "b"]);
  state = reduce(state, { type: "roster", room: "r", add: [], remove: ["a"], total: 1 });
  assert.deepEqual([...state.people.keys()], ["b"]);
  assert.equal(state.total, 1);
});

test("people stand in the order hands, stage, hosts, the rest by name", () => {
  let state = reduce(initial(), entered());
  state = reduce(state, { type: "roster", room: "r", remove: ["a"], total: 6, add: [
    person("zoe"), person("host", { role: "host" }), person("up2"), person("up1"), person("star"), person("adam")] });
  state = reduce(state, room({ hands: ["up1", "up2"], stage: [{ id: "star", name: "star", sources: [] }] }));
  assert.deepEqual(inOrder(state).map((p) => p.id), ["up1", "up2", "star", "host", "adam", "zoe"]);
  assert.equal(onStage(state, "star"), true);
  assert.equal(onStage(state, "zoe"), false);
});

test("waiting, offered, refused and left are phases; unknown messages are not", () => {
  let state = reduce(initial(), { type: "waiting", room: "r", position: 4, total: 9 });
  assert.deepEqual([state.phase, state.position, state.queue], ["waiting", 4, 9]);
  state = reduce(state, { type: "offered", room: "r", expires_ms: 20000 });
  assert.equal(state.phase, "offered");
  state = reduce(state, { type: "refused", room: "r", code: "room_locked", message: "later" });
  assert.deepEqual([state.phase, state.refusal.code], ["refused", "room_locked"]);
  assert.equal(reduce(state, { type: "left", re: 1, room: "r" }).phase, "outside");
  assert.equal(reduce(state, { type: "of_a_newer_server" }), state);
});
