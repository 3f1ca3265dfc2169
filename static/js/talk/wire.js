/**
 * The data channel between two browsers of a direct talk: short messages about oneself, and files
 * in pieces. What comes in is checked against what was announced, piece by piece, and never more
 * is kept than that.
 */

/** The hub's own bounds for a file (hub/ports/talks.py). */
export const FILE_MAX = 20 * 1024 * 1024;
const PIECE = 16 * 1024;
/** Pieces wait while more than this is on its way. */
const HIGH = 1024 * 1024;
const LOW = 256 * 1024;
const WORDS_MAX = 2_000;

/** @typedef {{id: string, name: string, blob: Blob}} Received */
/**
 * @typedef {object} WireHooks
 * @property {() => void} open
 * @property {(message: any) => void} said
 * @property {(file: Received) => void} file whole, as large as announced
 * @property {(id: string, done: number, size: number) => void} progress of what comes in; done -1: broken off
 */

export class Wire {
  /** @param {RTCDataChannel} channel @param {WireHooks} hooks */
  constructor(channel, hooks) {
    this.channel = channel;
    this.hooks = hooks;
    /** One file at a time in each direction. @type {Promise<void>} */
    this.sending = Promise.resolve();
    /** @type {{id: string, name: string, size: number, done: number, pieces: ArrayBuffer[]}|null} */
    this.coming = null;
    channel.bufferedAmountLowThreshold = LOW;
    channel.onopen = () => hooks.open();
    channel.onmessage = (event) => this.#heard(event.data);
    channel.onclose = () => this.#broken();
  }

  get isOpen() {
    return this.channel.readyState === "open";
  }

  /** @param {object} message */
  say(message) {
    if (this.isOpen) this.channel.send(JSON.stringify(message));
  }

  /**
   * Send a file; one after the other. Rejects when the channel ends before the file does.
   * @param {string} id @param {Blob & {name?: string}} file @param {(done: number) => void} progress
   * @returns {Promise<void>}
   */
  send(id, file, progress) {
    const turn = this.sending.then(() => this.#send(id, file, progress));
    this.sending = turn.catch(() => undefined);
    return turn;
  }

  /** @param {string} id @param {Blob & {name?: string}} file @param {(done: number) => void} progress */
  async #send(id, file, progress) {
    const { channel } = this;
    if (!this.isOpen) throw new Error("closed");
    channel.send(JSON.stringify({ file: { id, name: file.name ?? "", size: file.size } }));
    for (let at = 0; at < file.size; at += PIECE) {
      if (channel.bufferedAmount > HIGH) await this.#drained();
      if (!this.isOpen) throw new Error("closed");
      const piece = await file.slice(at, at + PIECE).arrayBuffer();
      channel.send(piece);
      progress(Math.min(file.size, at + PIECE));
    }
    channel.send(JSON.stringify({ end: id }));
  }

  #drained() {
    const { channel } = this;
    return /** @type {Promise<void>} */ (new Promise((resolve, reject) => {
      const done = () => {
        channel.removeEventListener("bufferedamountlow", done);
        channel.removeEventListener("close", done);
        if (channel.readyState === "open") resolve();
        else reject(new Error("closed"));
      };
      channel.addEventListener("bufferedamountlow", done);
      channel.addEventListener("close", done);
    }));
  }

  /** @param {string|ArrayBuffer} data */
  #heard(data) {
    if (typeof data !== "string") {
      this.#piece(data);
      return;
    }
    const message = data.length > WORDS_MAX ? null : parsed(data);
    if (message === null) return;
    if (message.file) this.#begins(message.file);
    else if (message.end !== undefined) this.#ends(String(message.end));
    else this.hooks.said(message);
  }

  /** @param {any} file */
  #begins(file) {
    this.#broken();
    const { id, name, size } = file;
    const good = typeof id === "string" && id.length > 0 && id.length <= 64 && typeof name === "string"
      && Number.isSafeInteger(size) && size > 0 && size <= FILE_MAX;
    if (!good) return;
    this.coming = { id, name: name.slice(0, 255), size, done: 0, pieces: [] };
    this.hooks.progress(id, 0, size);
  }

  /** @param {ArrayBuffer} piece */
  #piece(piece) {
    const { coming } = this;
    if (coming === null) return;
    coming.done += piece.byteLength;
    if (coming.done > coming.size) {
      this.#broken(); // more than was announced
      return;
    }
    coming.pieces.push(piece);
    this.hooks.progress(coming.id, coming.done, coming.size);
  }

  /** @param {string} id */
  #ends(id) {
    const { coming } = this;
    if (coming === null || coming.id !== id) return;
    if (coming.done !== coming.size) {
      this.#broken();
      return;
    }
    this.coming = null;
    // Never a type a browser would open: it is saved, not shown.
    this.hooks.file({ id, name: coming.name, blob: new Blob(coming.pieces, { type: "application/octet-stream" }) });
  }

  #broken() {
    const { coming } = this;
    this.coming = null;
    if (coming) this.hooks.progress(coming.id, -1, coming.size);
  }

  close() {
    this.channel.onopen = this.channel.onmessage = this.channel.onclose = null;
    this.#broken();
    this.channel.close();
  }
}

/** @param {string} text @returns {any} an object, or null */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : null;
  } catch {
    return null;
  }
}
