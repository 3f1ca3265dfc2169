/** What a ring is, what is remembered of it and for how long. Pure. */

/** @typedef {{id: string, company: string, company_name: string, caller: {name: string, organisation: string|null}, subject: string, expires_at: string}} Ringing */
/** @typedef {{id: string, state: string, why: string|null, by: string|null}} Over */

/** Clocks differ: the end of a ring is counted from when we heard of it, half a minute at most. */
export const RING_MS = 30_000;
/** The visitor's page asks so often, beside what it is told. */
const LOOK_MS = 2_000;
/** So long after its end a ring without an answer of the hub is given up. */
const LOST_MS = 10_000;
const GONE_MAX = 100;

/** Rings that were over before their card was drawn: the newest of them. */
export class Gone {
  /** @type {Set<string>} */
  #ids = new Set();

  /** @param {string} id */
  add(id) {
    this.#ids.add(id);
    if (this.#ids.size > GONE_MAX) this.#ids.delete(/** @type {string} */ (this.#ids.values().next().value));
  }

  /** @param {string} id */
  has(id) {
    return this.#ids.has(id);
  }
}

/** The time a call still rings, and when to ask what became of it. */
export class Countdown {
  #until;
  #looked;

  /** @param {number} leftMs @param {number} now milliseconds of a clock that never jumps */
  constructor(leftMs, now) {
    this.#until = now + leftMs;
    this.#looked = now;
  }

  /** `ask`: it is time to; `last`: without an answer this time the call is given up.
   * @param {number} now @returns {{ms: number, ask: boolean, last: boolean}} */
  at(now) {
    const ask = now - this.#looked >= LOOK_MS;
    if (ask) this.#looked = now;
    return { ms: Math.max(0, this.#until - now), ask, last: now - this.#until > LOST_MS };
  }
}

/** The visitor's own call as the tab keeps it. @param {string} company @param {string} id */
export function kept(company, id) {
  return `${company} ${id}`;
}

/** The call that the tab keeps, when it is one of this company. @param {string} text @param {string} company */
export function keptOf(text, company) {
  const [slug, id] = text.split(" ");
  return id && slug === company ? id : "";
}

/** Whole minutes to wait, never none. @param {number|undefined} ms */
export function minutesOf(ms) {
  return Math.max(1, Math.ceil((ms ?? 60_000) / 60_000));
}
