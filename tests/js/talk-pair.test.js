import assert from "node:assert/strict";
import { test } from "node:test";

import { Mesh } from "../../static/js/talk/mesh.js";
import { Wire } from "../../static/js/talk/wire.js";

/** A turn of the loop in which every promise and every queued task has run. */
const settle = async () => { for (let i = 0; i < 20; i += 1) await new Promise((resolve) => { setImmediate(resolve); }); };

let made = 0;
/** As much of RTCPeerConnection as perfect negotiation leans on; connected once both sides hold
 * each other's descriptions of the same session. */
class FakePc {
  static all = new Map();

  constructor(configuration) {
    this.configuration = configuration;
    this.session = ++made;
    this.signalingState = "stable";
    this.connectionState = "new";
    this.localDescription = null;
    this.remoteDescription = null;
    this.lines = [];
    this.round = 0;
    this.candidates = [];
    this.channels = [];
    FakePc.all.set(this.session, this);
  }

  addTransceiver(what, more) {
    this.lines.push(line(typeof what === "string" ? what : what.kind, more.direction, typeof what === "string" ? null : what));
    this.#needed();
  }

  getTransceivers() { return this.lines; }
  getConfiguration() { return this.configuration; }
  setConfiguration(configuration) { this.configuration = configuration; }

  createDataChannel(_, options) {
    assert.deepEqual(options, { negotiated: true, id: 0 });
    const channel = { readyState: "connecting", close() {}, send() {}, addEventListener() {} };
    this.channels.push(channel);
    this.#needed();
    return channel;
  }

  #needed() {
    if (this.wanted) return;
    this.wanted = true;
    queueMicrotask(() => { this.wanted = false; if (this.signalingState === "stable") this.onnegotiationneeded?.(); });
  }

  restartIce() { this.round += 1; this.#needed(); }

  async setLocalDescription() {
    await null;
    if (this.signalingState === "closed") throw new Error("closed");
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    this.version = (this.version ?? 0) + 1;
    this.localDescription = { type, sdp: `${this.session}/${this.round}/${this.lines.length}\r\no=- ${this.session} ${this.version} IN IP4 0.0.0.0` };
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
    setImmediate(() => this.onicecandidate?.({ candidate: { toJSON: () => ({ candidate: `from ${this.session}` }) } }));
    this.#connect();
  }

  async setRemoteDescription(description) {
    await null;
    this.taken = (this.taken ?? 0) + 1;
    if (description.type === "answer" && this.signalingState !== "have-local-offer") throw new Error("InvalidStateError");
    if (description.type === "offer" && this.signalingState === "have-local-offer") {
      this.rolledBack = true; // what a browser does by itself
      this.localDescription = this.remoteDescription === null ? null : this.localDescription;
    }
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    const count = Number(description.sdp.split("\r")[0].split("/")[2]);
    while (this.lines.length < count) this.lines.push(line("new", "recvonly", null));
    this.#connect();
  }

  async addIceCandidate(candidate) {
    if (this.remoteDescription === null) throw new Error("no description");
    this.candidates.push(candidate);
  }

  #connect() {
    const [theirs] = (this.remoteDescription?.sdp ?? "").split("/").map(Number);
    const other = FakePc.all.get(theirs);
    if (this.signalingState !== "stable" || !other || other.signalingState !== "stable") return;
    if (!other.remoteDescription?.sdp.startsWith(`${this.session}/`)) return;
    for (const pc of [this, other]) {
      pc.connectionState = "connected";
      queueMicrotask(() => pc.onconnectionstatechange?.());
    }
  }

  fail() { this.connectionState = "failed"; this.onconnectionstatechange?.(); }
  close() { this.signalingState = "closed"; this.connectionState = "closed"; }
}

function line(kind, direction, track) {
  return { kind, direction, sender: { track, async replaceTrack(next) { this.track = next; } }, receiver: { track: { kind } } };
}

/** People of one talk, and the hub between them: in order for each pair, never before a turn. */
function talk(...ids) {
  const meshes = new Map();
  const sent = [];
  let lost = false;
  for (const id of ids) {
    meshes.set(id, make(id));
  }
  function make(id) {
    const tracks = { microphone: { kind: "audio", enabled: true, of: id }, camera: null, screen: null };
    const mesh = new Mesh(id, tracks, {
      send: async (to, data) => {
        if (lost) throw new Error("no_answer");
        sent.push([id, to, data]);
        setImmediate(() => void meshes.get(to)?.heard(id, structuredClone(data)));
      },
      changed: () => undefined, file: () => undefined, progress: () => undefined,
    }, (configuration) => new FakePc(configuration));
    mesh.start(null, false);
    return mesh;
  }
  return { meshes, sent, make, lose: (on) => { lost = on; }, all: () => [...meshes.values()] };
}

function connected(there, a, b) {
  const one = there.meshes.get(a).others.get(b);
  const two = there.meshes.get(b).others.get(a);
  assert.equal(one.pair.state, "connected", `${a} to ${b}`);
  assert.equal(two.pair.state, "connected", `${b} to ${a}`);
  assert.equal(one.pair.pc.lines.length, 3);
  assert.equal(two.pair.pc.lines.length, 3, "the polite side answers on the lines it was offered");
  for (const { pair } of [one, two]) assert.deepEqual(pair.pc.lines.map((l) => l.direction), ["sendrecv", "sendrecv", "sendrecv"]);
}
const close = (there) => { for (const mesh of there.all()) mesh.stop(); };

test("four people who meet at once are each connected to each, on three lines", async () => {
  const there = talk("a", "b", "c", "d");
  for (const mesh of there.all()) mesh.people(["a", "b", "c", "d"]);
  await settle();
  for (const [a, b] of ["ab", "ac", "ad", "bc", "bd", "cd"]) connected(there, a, b);
  const { pair } = there.meshes.get("a").others.get("b");
  assert.equal(pair.polite, true, "the smaller id is the polite one");
  assert.equal(pair.pc.lines[0].sender.track.of, "a");
  assert.equal(there.all().every((mesh) => mesh.settled), true);
  close(there);
});

test("an offer that is sent again is answered again, and taken once", async () => {
  const there = talk("a", "b");
  for (const mesh of there.all()) mesh.people(["a", "b"]);
  await settle();
  const offers = there.sent.filter(([from, , data]) => from === "b" && data.description?.type === "offer");
  assert.equal(offers.length, 2, "the polite side said that it began, so the offer was sent again");
  assert.equal(there.meshes.get("a").others.get("b").pair.pc.taken, 1);
  close(there);
});

test("a signal may come before the roster tells of its sender, on either side", async () => {
  for (const first of ["a", "b"]) {
    const there = talk("a", "b");
    there.meshes.get(first).people(["a", "b"]);
    await settle();
    connected(there, "a", "b");
    close(there);
  }
});

test("whoever reloads is met anew, polite or not", async () => {
  for (const id of ["a", "b"]) {
    const there = talk("a", "b");
    for (const mesh of there.all()) mesh.people(["a", "b"]);
    await settle();
    const left = there.meshes.get(id);
    for (const { pair } of left.others.values()) pair.close();
    const before = there.meshes.get(id === "a" ? "b" : "a").others.get(id).pair.pc;
    there.meshes.set(id, there.make(id));
    there.meshes.get(id).people(["a", "b"]);
    await settle();
    connected(there, "a", "b");
    assert.notEqual(there.meshes.get(id === "a" ? "b" : "a").others.get(id).pair.pc, before);
    close(there);
  }
});

test("two restarts of the path at once: the polite offer is taken back, both go on", async () => {
  const there = talk("a", "b");
  for (const mesh of there.all()) mesh.people(["a", "b"]);
  await settle();
  const [a, b] = [there.meshes.get("a").others.get("b").pair, there.meshes.get("b").others.get("a").pair];
  const [pcA, pcB] = [a.pc, b.pc];
  pcA.fail();
  pcB.fail();
  await settle();
  connected(there, "a", "b");
  assert.equal(pcA.rolledBack, true);
  assert.equal(pcB.rolledBack, undefined);
  assert.equal(a.pc, pcA, "the connection itself stays");
  assert.equal(b.pc, pcB);
  close(there);
});

test("a signal that is lost is made good when the line is back", async () => {
  const there = talk("a", "b");
  there.lose(true);
  for (const mesh of there.all()) mesh.people(["a", "b"]);
  await settle();
  assert.equal(there.meshes.get("b").settled, false);
  there.lose(false);
  for (const mesh of there.all()) mesh.check();
  await settle();
  connected(there, "a", "b");
  close(there);
});

test("candidates trickle to the connection they are for, and broken signals harm nothing", async () => {
  const there = talk("a", "b");
  const [a] = there.all();
  for (const mesh of there.all()) mesh.people(["a", "b"]);
  await settle();
  assert.ok(there.meshes.get("a").others.get("b").pair.pc.candidates.some((one) => one?.candidate?.startsWith("from")));
  for (const bad of [{}, { description: { type: "answer", sdp: "" } }, { candidate: null }, { description: { type: "nonsense" } }]) await a.heard("b", bad);
  await a.heard("a", { restart: true });
  assert.equal(a.others.has("a"), false, "nobody talks to themselves");
  await settle();
  connected(there, "a", "b");
  close(there);
});

test("who leaves is let go, and a track that changes needs no new offer", async () => {
  const there = talk("a", "b");
  for (const mesh of there.all()) mesh.people(["a", "b"]);
  await settle();
  const offers = there.sent.filter(([, , data]) => data.description?.type === "offer").length;
  const mesh = there.meshes.get("b");
  mesh.tracks.camera = { kind: "video", enabled: true };
  await mesh.replaced("camera");
  await settle();
  assert.equal(mesh.others.get("a").pair.pc.lines[1].sender.track, mesh.tracks.camera);
  assert.equal(there.sent.filter(([, , data]) => data.description?.type === "offer").length, offers);
  const { pc } = mesh.others.get("a").pair;
  mesh.people(["b"]);
  assert.equal(mesh.others.size, 0);
  assert.equal(pc.signalingState, "closed");
  close(there);
});

test("a room that hides addresses uses relays alone", async () => {
  const mesh = new Mesh("b", { microphone: null, camera: null, screen: null }, {
    send: async () => undefined, changed: () => undefined, file: () => undefined, progress: () => undefined,
  }, (configuration) => new FakePc(configuration));
  mesh.start(null, true);
  mesh.ice([{ urls: "turn:example" }]);
  mesh.people(["a", "b"]);
  const { configuration } = mesh.others.get("a").pair.pc;
  assert.equal(configuration.iceTransportPolicy, "relay");
  assert.deepEqual(configuration.iceServers, [{ urls: "turn:example" }]);
  mesh.ice([{ urls: "turn:fresh" }]);
  assert.deepEqual(mesh.others.get("a").pair.pc.configuration.iceServers, [{ urls: "turn:fresh" }]);
  assert.equal(mesh.others.get("a").pair.pc.configuration.iceTransportPolicy, "relay");
  mesh.stop();
});

/** Two ends of a data channel. */
function cable() {
  const end = () => ({ readyState: "open", bufferedAmount: 0, listeners: {}, addEventListener() {}, removeEventListener() {}, close() { this.readyState = "closed"; } });
  const [a, b] = [end(), end()];
  a.send = (data) => b.onmessage({ data });
  b.send = (data) => a.onmessage({ data });
  return [a, b];
}

test("a file goes over whole, in order, and is as long as was announced", async () => {
  const [a, b] = cable();
  const got = [];
  const steps = [];
  const ours = new Wire(a, { open() {}, said() {}, file() {}, progress() {} });
  new Wire(b, { open() {}, said() {}, file: (file) => got.push(file), progress: (id, done, size) => steps.push([id, done, size]) });
  const bytes = Uint8Array.from({ length: 50_000 }, (_, i) => i % 251);
  const sent = [];
  await ours.send("f1", new File([bytes], "offer.pdf"), (done) => sent.push(done));
  assert.equal(got.length, 1);
  assert.equal(got[0].name, "offer.pdf");
  assert.equal(got[0].blob.type, "application/octet-stream");
  assert.deepEqual(new Uint8Array(await got[0].blob.arrayBuffer()), bytes);
  assert.equal(sent.at(-1), 50_000);
  assert.deepEqual(steps.at(-1), ["f1", 50_000, 50_000]);
});

test("more or less than announced, and nonsense, are no file", () => {
  const [a, b] = cable();
  const got = [];
  const broken = [];
  new Wire(b, { open() {}, said() {}, file: (file) => got.push(file), progress: (id, done) => { if (done < 0) broken.push(id); } });
  const begin = (id, size) => a.send(JSON.stringify({ file: { id, name: "x", size } }));
  begin("long", 4);
  a.send(new ArrayBuffer(5));
  a.send(JSON.stringify({ end: "long" }));
  begin("short", 4);
  a.send(new ArrayBuffer(3));
  a.send(JSON.stringify({ end: "short" }));
  for (const size of [0, -1, 1.5, 21 * 1024 * 1024, "4", null]) {
    begin("bad", size);
    a.send(new ArrayBuffer(1));
    a.send(JSON.stringify({ end: "bad" }));
  }
  a.send("not JSON");
  a.send("[1]");
  a.send("null");
  a.send(JSON.stringify({ file: null }));
  assert.deepEqual(got, []);
  assert.deepEqual(broken, ["long", "short"]);
});

test("a file whose channel ends is not half a file", async () => {
  const [a, b] = cable();
  const broken = [];
  const ours = new Wire(a, { open() {}, said() {}, file() {}, progress() {} });
  const theirs = new Wire(b, { open() {}, said() {}, file: () => assert.fail("half a file"), progress: (id, done) => { if (done < 0) broken.push(id); } });
  const sending = ours.send("f", new File([new Uint8Array(40_000)], "x"), (done) => { if (done > 16_384) { a.readyState = "closed"; } });
  await assert.rejects(sending);
  theirs.close();
  assert.deepEqual(broken, ["f"]);
});
