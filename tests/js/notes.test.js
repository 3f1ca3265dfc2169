import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { apply, changes, compose, diff, indexAt, length, moved, NotesClient, pointsAt, transform } from "../../static/js/talk/notes.js";

/** Numbers that look random and are the same in every run. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
const LETTERS = Array.from("ab 谈判🤝é𝒳\n");
const words = (rnd, n) => Array.from({ length: n }, () => LETTERS[rnd(LETTERS.length)]).join("");

function edited(rnd, text) {
  const points = Array.from(text);
  const at = rnd(points.length + 1);
  points.splice(at, rnd(4), ...Array.from(words(rnd, rnd(4))));
  return points.join("");
}
function someOps(rnd, text) {
  let [ops, now] = [null, text];
  for (let i = 0; i <= rnd(3); i += 1) {
    const next = edited(rnd, now);
    const one = diff(now, next);
    ops = ops === null ? one : compose(ops, one);
    now = next;
  }
  return [ops, now];
}

function isCanonical(ops) {
  return ops.every((part, i) => {
    const next = ops[i + 1];
    if (part === "" || part === 0) return false;
    if (next === undefined) return true;
    const kind = (one) => (typeof one === "string" ? "put" : one > 0 ? "keep" : "drop");
    return kind(part) !== kind(next) && !(kind(part) === "drop" && kind(next) === "put");
  });
}

test("characters are code points, astral ones too", () => {
  assert.equal(length("a🤝𝒳谈"), 4);
  assert.equal(apply("a🤝c", [1, -1, 1]), "ac");
  assert.equal(pointsAt("🤝🤝x", 4), 2);
  assert.equal(indexAt("🤝🤝x", 2), 4);
  assert.throws(() => apply("ab", [1]), RangeError);
  assert.throws(() => apply("ab", [3]), RangeError);
});

test("both orders of two ops end in one text, and every op is canonical", () => {
  const rnd = random(7);
  for (let i = 0; i < 3000; i += 1) {
    const text = words(rnd, rnd(9));
    const [a, afterA] = someOps(rnd, text);
    const [b, afterB] = someOps(rnd, text);
    const [a2, b2] = transform(a, b);
    assert.equal(apply(afterA, b2), apply(afterB, a2));
    for (const ops of [a, b, a2, b2]) assert.ok(isCanonical(ops), JSON.stringify(ops));
    const [c, afterC] = someOps(rnd, afterA);
    const both = compose(a, c);
    assert.equal(apply(text, both), afterC);
    assert.ok(isCanonical(both), JSON.stringify(both));
  }
});

test("of two insertions at one place the first op's stands first", () => {
  const [a2, b2] = transform([1, "A", 1], [1, "B", 1]);
  assert.equal(apply(apply("xy", [1, "A", 1]), b2), "xABy");
  assert.equal(apply(apply("xy", [1, "B", 1]), a2), "xABy");
});

const VECTORS = new URL("../rooms/notes-vectors.json", import.meta.url);

test("the server's vectors come out the same here", () => {
  const vectors = JSON.parse(readFileSync(VECTORS, "utf-8"));
  assert.ok(vectors.length >= 60);
  for (const one of vectors) {
    const [a2, b2] = transform(one.a, one.b);
    assert.deepEqual([a2, b2], [one["a'"], one["b'"]], JSON.stringify(one));
    assert.equal(apply(apply(one.text, one.a), b2), one.result);
    assert.equal(apply(apply(one.text, one.b), a2), one.result);
  }
});

test("a change among equal letters is where the caret is", () => {
  assert.deepEqual(diff("aaa", "aaaa", 2), [1, "a", 2]);
  assert.deepEqual(diff("aaaa", "aaa", 1), [1, -1, 2]);
  assert.deepEqual(diff("same", "same"), [4]);
  assert.equal(changes(diff("same", "same")), false);
  assert.deepEqual(diff("", "🤝"), ["🤝"]);
});

test("a caret stays with its letters", () => {
  assert.equal(moved(3, ["ab", 5]), 5);
  assert.equal(moved(3, [3, "ab", 2]), 3, "put in at the caret: behind it");
  assert.equal(moved(3, [1, -4]), 1);
  assert.equal(moved(3, [-1, 4]), 2);
  assert.equal(moved(3, [4, "x", 1]), 3);
  assert.equal(moved(0, ["x", 2]), 0);
});

/** What the hub does: transform from the base to the newest, append, tell everybody; a change that
 * is sent again by the same name is not taken again. */
class Server {
  constructor() {
    this.text = "";
    this.log = [];
    this.clients = [];
    this.wires = [];
    /** Sent on a line that is gone, and not arrived yet. */
    this.late = [];
  }

  join(id) {
    const wire = { up: [], down: [], asking: false };
    const hooks = { send: (base, ops, change) => wire.up.push({ base, ops, change }), show: () => undefined };
    const client = new NotesClient(id, hooks, `${id}1`);
    client.reset(this.log.length, this.text);
    this.clients.push(client);
    this.wires.push(wire);
    return client;
  }

  take(n) {
    const sent = this.wires[n].up.shift();
    if (sent !== undefined) this.process(n, sent);
  }

  process(n, sent) {
    if (sent.asked !== undefined) {
      const at = this.log.findIndex((one) => sent.asked !== null && one.change === sent.asked);
      const page = { kind: "page", rev: this.log.length, text: this.text, asked: sent.asked };
      this.wires[n].down.push(at < 0 ? page : { ...page, taken: at + 1 });
      return;
    }
    if (this.log.some((one) => one.change === sent.change)) return;
    let { ops } = sent;
    for (const { ops: done } of this.log.slice(sent.base)) [, ops] = transform(done, ops);
    this.text = apply(this.text, ops);
    const by = this.clients[n].me;
    const { change } = sent;
    this.log.push({ ops, by, change });
    const rev = this.log.length;
    for (const wire of this.wires) wire.down.push({ kind: "event", rev, ops, by, change });
  }

  give(n) {
    const told = this.wires[n].down.shift();
    if (told === undefined) return;
    const client = this.clients[n];
    const wire = this.wires[n];
    if (told.kind === "page") {
      wire.asking = false;
      if (!client.reset(told.rev, told.text, told.asked, told.taken)) this.ask(n);
    } else if (!client.heard(told.rev, told.ops, told.by, told.change)) {
      assert.ok(wire.asking, "a hole nobody asked about");
    }
  }

  ask(n) {
    this.wires[n].asking = true;
    this.wires[n].up.push({ asked: this.clients[n].change });
  }

  arrive() {
    const found = this.late.shift();
    if (found !== undefined) this.process(found.n, found.sent);
  }

  /** The line is gone and back: some of what was sent arrives all the same; what was missed comes
   * again from the log, or the whole text does. */
  drop(n, rnd) {
    for (let first = rnd(2); first > 0; first -= 1) this.take(n);
    const wire = this.wires[n];
    if (rnd(2) === 0) for (const sent of wire.up) if (sent.asked === undefined) this.late.push({ n, sent });
    [wire.up, wire.down, wire.asking] = [[], [], false];
    const client = this.clients[n];
    if (rnd(2) === 0) this.ask(n);
    else {
      this.log.slice(client.rev).forEach(({ ops, by, change }) => client.heard(client.rev + 1, ops, by, change));
      client.again();
    }
  }

  settle() {
    while (this.late.length > 0) this.arrive();
    for (let i = 0; i < 10_000; i += 1) {
      if (this.wires.every((wire) => wire.up.length + wire.down.length === 0)) return;
      this.wires.forEach((_, n) => { this.take(n); this.give(n); });
    }
    assert.fail("it never comes to rest");
  }
}

test("four people typing at once, in any interleaving, end with one text and lose no letter", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const rnd = random(seed);
    const server = new Server();
    for (const id of ["a", "b", "c", "d"]) server.join(id);
    let typed = 0;
    for (let step = 0; step < 300; step += 1) {
      const n = rnd(4);
      const act = rnd(3);
      if (act === 0 && typed < 60) {
        const client = server.clients[n];
        const points = Array.from(client.text);
        points.splice(rnd(points.length + 1), 0, String.fromCodePoint(0x1f600 + typed));
        typed += 1;
        client.edit(points.join(""));
      } else if (act === 1) server.take(n);
      else server.give(n);
    }
    server.settle();
    for (const client of server.clients) {
      assert.equal(client.text, server.text, `seed ${seed}`);
      assert.equal(client.saved, true);
    }
    assert.equal(length(server.text), typed, "each letter once");
  }
});

test("whatever is dropped and sent again, no key is lost or doubled", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const rnd = random(seed);
    const server = new Server();
    for (const id of ["a", "b", "c"]) server.join(id);
    let typed = 0;
    for (let step = 0; step < 400; step += 1) {
      const n = rnd(3);
      const act = rnd(11);
      if (act < 3 && typed < 80) {
        const client = server.clients[n];
        const points = Array.from(client.text);
        points.splice(rnd(points.length + 1), 0, String.fromCodePoint(0x1f600 + typed));
        typed += 1;
        client.edit(points.join(""));
      } else if (act < 6) server.take(n);
      else if (act < 9) server.give(n);
      else if (act === 9) server.arrive();
      else server.drop(n, rnd);
    }
    server.clients.forEach((_, n) => server.drop(n, rnd));
    server.settle();
    for (const client of server.clients) {
      assert.equal(client.text, server.text, `seed ${seed}`);
      assert.equal(client.saved, true, `seed ${seed}`);
    }
    assert.equal(length(server.text), typed, `seed ${seed}: each key once`);
    assert.equal(new Set(Array.from(server.text)).size, typed, `seed ${seed}`);
  }
});

test("deletions and pastes over a line that drops converge too", () => {
  for (let seed = 300; seed < 400; seed += 1) {
    const rnd = random(seed);
    const server = new Server();
    for (const id of ["a", "b", "c"]) server.join(id);
    for (let step = 0; step < 250; step += 1) {
      const n = rnd(3);
      const act = rnd(8);
      if (act < 2) server.clients[n].edit(edited(rnd, server.clients[n].text));
      else if (act < 4) server.take(n);
      else if (act < 6) server.give(n);
      else if (act === 6) server.arrive();
      else server.drop(n, rnd);
    }
    server.clients.forEach((_, n) => server.drop(n, rnd));
    server.settle();
    for (const client of server.clients) assert.equal(client.text, server.text, `seed ${seed}`);
  }
});

test("deletions, pastes and typing converge too", () => {
  for (let seed = 100; seed < 160; seed += 1) {
    const rnd = random(seed);
    const server = new Server();
    for (const id of ["a", "b", "c"]) server.join(id);
    for (let step = 0; step < 250; step += 1) {
      const n = rnd(3);
      const act = rnd(3);
      if (act === 0) server.clients[n].edit(edited(rnd, server.clients[n].text));
      else if (act === 1) server.take(n);
      else server.give(n);
    }
    server.settle();
    for (const client of server.clients) assert.equal(client.text, server.text, `seed ${seed}`);
  }
});

test("only one op is on its way; what is typed meanwhile goes as one after it", () => {
  const sent = [];
  const client = new NotesClient("a", { send: (base, ops, change) => sent.push([base, ops, change]), show: () => undefined }, "s");
  client.edit("early");
  assert.equal(sent.length, 0, "nothing is sent before the text is known");
  client.reset(4, "");
  assert.deepEqual(sent, [[4, ["early"], "s-1"]]);
  client.edit("early b");
  client.edit("early bi");
  assert.equal(sent.length, 1);
  client.heard(5, ["early"], "a", "s-1");
  assert.deepEqual(sent[1], [5, [5, " bi"], "s-2"]);
  assert.equal(client.saved, false);
  client.heard(6, [5, " bi"], "a", "s-2");
  assert.equal(client.saved, true);
});

test("a hole asks for the whole text, and what was typed survives it", () => {
  const sent = [];
  const client = new NotesClient("a", { send: (base, ops, change) => sent.push([base, ops, change]), show: () => undefined }, "s");
  client.reset(1, "one three");
  client.edit("one three!");
  assert.equal(client.heard(3, [9, "?"], "b"), false);
  assert.equal(client.reset(3, "one two three"), false, "nobody said whether ours is in there");
  assert.equal(client.reset(3, "one two three", "s-1"), true);
  assert.equal(client.text, "one two three!");
  assert.deepEqual(sent.at(-1), [3, [13, "!"], "s-1"]);
});

test("an op that arrived though its answer was lost is not put in twice", () => {
  const sent = [];
  const client = new NotesClient("a", { send: (base, ops, change) => sent.push([base, ops, change]), show: () => undefined }, "s");
  client.reset(1, "x");
  client.edit("xy");
  client.edit("xyz");
  client.reset(4, "AxyB", "s-1", 3);
  assert.equal(client.text, "AxyBz");
  assert.deepEqual(sent.at(-1), [4, [4, "z"], "s-2"], "what was typed since goes as another");
  // Whoever types the same at the same place has not sent ours.
  client.reset(5, "AxyBz", "s-2");
  assert.equal(client.text, "AxyBzz");
});

test("an op that came in elsewhere than we thought stands where the log says", () => {
  const shown = [];
  const client = new NotesClient("a", { send: () => undefined, show: (text) => shown.push(text) }, "s");
  client.reset(1, "aa");
  client.edit("aXa", 2);
  client.edit("aXaY", 4);
  client.reset(2, "aaa", "s-1"); // one more letter, nobody can say which
  client.heard(3, [2, "X", 1], "a", "s-1");
  assert.equal(client.base, "aaXa");
  client.heard(4, [4, "Y"], "a", "s-2");
  assert.equal(client.text, "aaXaY");
  assert.equal(client.saved, true);
  assert.equal(shown.at(-1), client.text);
});

test("what the server will not take is given back, and the text is the server's", () => {
  let shown = "";
  const client = new NotesClient("a", { send: () => undefined, show: (text) => { shown = text; } }, "s");
  client.reset(1, "short");
  client.edit("short and much too long");
  assert.equal(client.giveUp(), "short and much too long");
  assert.equal(shown, "short");
  assert.equal(client.saved, true);
});

test("an op whose sending failed goes again for the text as it is now", () => {
  const sent = [];
  const client = new NotesClient("a", { send: (base, ops, change) => sent.push([base, ops, change]), show: () => undefined }, "s");
  client.reset(0, "");
  client.edit("mine");
  client.heard(1, ["theirs "], "b");
  client.again();
  assert.deepEqual(sent.at(-1), [1, [7, "mine"], "s-1"]);
});
