/**
 * The live WebSocket as the room page sees it: says hello, matches answers to questions,
 * notices a dead server, comes back by itself with the same seat, and says how it ended.
 */

import { delay } from "./backoff.js";
import { comesBack, SUBPROTOCOL } from "./messages.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {{token: string} | {ticket: string}} Credentials */
/** @typedef {{room: string, epoch: string, seq: number, channels?: Record<string, number>}} ResumePoint */

/** Sent nothing for this long after a missed heartbeat: the line is dead. */
const GRACE_MS = 5_000;
const OPEN_MS = 10_000;
const ANSWER_MS = 15_000;

/** A question that was answered by `error` or `refused`, or never. */
export class Refused extends Error {
  /** @param {Message} message */
  constructor(message) {
    super(message.code ?? "no_answer");
    this.code = /** @type {string} */ (message.code ?? "no_answer");
    this.detail = message;
  }
}

/**
 * @typedef {object} Handlers
 * @property {() => Promise<Credentials>} credentials fresh ones for a first hello
 * @property {() => ResumePoint[]} points where we are, for a resume; empty: start over
 * @property {(frame: Message[]) => void} frame all messages of one frame, in order
 * @property {(welcome: Message, resumed: boolean) => void} welcome
 * @property {(attempt: number, wait_ms: number) => void} lost trying again in `wait_ms`
 * @property {(code: number, bye: Message|null) => void} ended will not come back by itself
 */

export class LiveSocket {
  /** @param {string} url @param {Handlers} handlers */
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
    /** @type {WebSocket|null} */
    this.ws = null;
    this.open = false;
    this.closed = false;
    this.attempt = 0;
    this.nextId = 1;
    /** @type {Map<number, {resolve: (m: Message) => void, reject: (e: Refused) => void, timer: number}>} */
    this.questions = new Map();
    this.resume = "";
    this.heartbeat_ms = 10_000;
    /** @type {Message|null} */
    this.bye = null;
    this.watchdog = 0;
    this.retry = 0;
    this.generation = 0;
    this.resuming = false;
    addEventListener("online", this.hurry);
  }

  /** Connect now. Failure is told to `lost` or `ended`. */
  connect() {
    const generation = ++this.generation;
    void this.#connect(generation).catch((fault) => {
      if (generation !== this.generation || this.closed) return;
      if (fault instanceof Refused && !RETRY.has(fault.code)) {
        this.#end(4501, fault.detail);
      } else {
        this.#again(0);
      }
    });
  }

  /** @param {number} generation */
  async #connect(generation) {
    const points = this.resume ? this.handlers.points() : [];
    const resumed = points.length > 0;
    /** @type {Record<string, unknown>} */
    const hello = resumed
      ? { resume: this.resume, rooms: points }
      : { ...(await this.handlers.credentials()) };
    if (generation !== this.generation || this.closed) return;
    this.resuming = resumed;
    const ws = new WebSocket(this.url, SUBPROTOCOL);
    this.ws = ws;
    this.bye = null;
    const opening = setTimeout(() => ws.close(), OPEN_MS);
    ws.onopen = () => {
      clearTimeout(opening);
      this.#watch();
      this.#ask("hello", hello, ws).then(
        (welcome) => this.#welcomed(welcome, resumed),
        (fault) => this.#helloRefused(fault, ws),
      );
    };
    ws.onmessage = (incoming) => this.#frame(ws, String(incoming.data));
    ws.onclose = (event) => {
      clearTimeout(opening);
      if (ws === this.ws) this.#lost(event.code);
    };
  }

  /** @param {Message} welcome @param {boolean} resumed */
  #welcomed(welcome, resumed) {
    this.open = true;
    this.attempt = 0;
    this.handlers.welcome(welcome, resumed);
  }

  /** @param {Refused} fault @param {WebSocket} ws */
  #helloRefused(fault, ws) {
    if (ws !== this.ws) return; // lost meanwhile, and dealt with there
    if (this.resuming || RETRY.has(fault.code)) {
      // A used or lapsed resume token is no reason to give up: say who we are from the start.
      this.resume = "";
      this.#lost(1006);
      ws.close();
    } else {
      this.#end(4501, this.bye ?? fault.detail);
    }
  }

  /** @param {WebSocket} ws @param {string} text */
  #frame(ws, text) {
    if (ws !== this.ws) return;
    this.#watch();
    /** @type {Message[]} */
    const frame = JSON.parse(text);
    for (const message of frame) {
      if (message.type === "welcome") {
        this.resume = message.resume;
        this.heartbeat_ms = message.heartbeat_ms;
      }
      if (message.type === "bye") this.bye = message;
      this.#answer(message);
    }
    if (frame.length > 0) this.handlers.frame(frame);
  }

  /** @param {Message} message */
  #answer(message) {
    const question = message.re === undefined ? undefined : this.questions.get(message.re);
    if (question === undefined) return;
    this.questions.delete(/** @type {number} */ (message.re));
    clearTimeout(question.timer);
    if (message.type === "error" || message.type === "refused") question.reject(new Refused(message));
    else question.resolve(message);
  }

  /**
   * Send a message that wants an answer. Rejects with `Refused`.
   * @param {string} type @param {Record<string, unknown>} fields
   * @returns {Promise<Message>}
   */
  ask(type, fields) {
    if (!this.open || this.ws === null) {
      return Promise.reject(new Refused({ type: "error", code: "no_answer" }));
    }
    return this.#ask(type, fields, this.ws);
  }

  /** @param {string} type @param {Record<string, unknown>} fields @param {WebSocket} ws
   * @returns {Promise<Message>} */
  #ask(type, fields, ws) {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.questions.delete(id);
        reject(new Refused({ type: "error", code: "no_answer" }));
      }, ANSWER_MS);
      this.questions.set(id, { resolve, reject, timer: /** @type {any} */ (timer) });
      ws.send(JSON.stringify({ type, id, ...fields }));
    });
  }

  /** A frame is due every heartbeat; without one the line is dead though TCP says nothing. */
  #watch() {
    clearTimeout(this.watchdog);
    const ws = this.ws;
    this.watchdog = /** @type {any} */ (setTimeout(() => {
      if (ws !== null && ws === this.ws) {
        this.#lost(1006);
        ws.close();
      }
    }, this.heartbeat_ms + GRACE_MS));
  }

  /** @param {number} code */
  #lost(code) {
    clearTimeout(this.watchdog);
    const stale = !this.open && this.resuming && code === 4501;
    if (stale) this.resume = "";
    this.ws = null;
    this.open = false;
    for (const question of this.questions.values()) {
      clearTimeout(question.timer);
      question.reject(new Refused({ type: "error", code: "no_answer" }));
    }
    this.questions.clear();
    if (this.closed) return;
    const bye = this.bye;
    if (stale || (bye ? bye.reconnect : comesBack(code))) this.#again(bye?.retry_after_ms ?? 0);
    else this.#end(code, bye);
  }

  /** @param {number} floor_ms */
  #again(floor_ms) {
    const wait_ms = delay(this.attempt, Math.random(), floor_ms);
    this.attempt += 1;
    this.handlers.lost(this.attempt, wait_ms);
    clearTimeout(this.retry);
    this.retry = /** @type {any} */ (setTimeout(() => this.connect(), wait_ms));
  }

  /** The network is back, or the person asked: do not sit out the wait. */
  hurry = () => {
    if (this.closed || this.open || this.attempt === 0) return;
    clearTimeout(this.retry);
    this.connect();
  };

  /** @param {number} code @param {Message|null} bye */
  #end(code, bye) {
    this.stop();
    this.handlers.ended(code, bye);
  }

  /** Close for good. */
  stop() {
    this.closed = true;
    this.open = false;
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    removeEventListener("online", this.hurry);
    const ws = this.ws;
    this.ws = null;
    if (ws !== null) ws.close(1000);
  }
}

/** Refusals of a ticket or hello that pass by themselves. */
const RETRY = new Set(["no_answer", "rate_limited", "server_draining", "recovering"]);
