/** The desk's arithmetic: pure, so that what a moderator is promised can be tested. */

/**
 * @typedef {{room: string, title: string, live: number, held: number, offered: number,
 *   waiting: number, capacity: number, reserved: number, locked: boolean, state: string,
 *   stage: number, stage_capacity: number|null, privileged: number|null, hands: number, oldest_wait_ms: number|null}} Row
 * @typedef {"over"|"full"|"nearly_full"|"filling"|"quiet"|"locked"|"scheduled"|"closed"} DeskStatus
 * @typedef {{kind: "over"|"seats"|"free"|"locked"|"same", n: number, most: number, kept: number}} Effect
 */

export const FILLING = 0.7;
export const NEARLY = 0.9;
export const CAPACITY_MAX = 100_000;

/** Everyone who counts into the capacity. @param {Row} row */
export function occupied(row) {
  return row.live + row.held + row.offered;
}

/** @param {Row} row @returns {DeskStatus} */
export function statusOf(row) {
  if (row.state === "closed") return "closed";
  if (row.state === "scheduled") return "scheduled";
  const taken = occupied(row);
  if (taken > row.capacity) return "over";
  if (row.locked) return "locked";
  if (taken === row.capacity || row.waiting > 0) return "full";
  if (taken >= row.capacity * NEARLY) return "nearly_full";
  if (taken >= row.capacity * FILLING) return "filling";
  return "quiet";
}

const RANK = /** @type {Record<DeskStatus, number>} */ ({
  over: 0, full: 1, nearly_full: 3, filling: 4, quiet: 5, locked: 5, scheduled: 6, closed: 7,
});

/** Who needs a moderator most: over, then full with the longest lines, then the rest by name.
 * @param {Row} a @param {Row} b */
export function byUrgency(a, b) {
  const rank = (/** @type {Row} */ row) => {
    const status = statusOf(row);
    return status === "full" && row.waiting === 0 ? 2 : RANK[status];
  };
  return rank(a) - rank(b) || b.waiting - a.waiting || a.title.localeCompare(b.title) || a.room.localeCompare(b.room);
}

/**
 * How many seats stay kept for the privileged with `reserved` set: {least, most}. Each privileged
 * person inside uses one up. The board counts them while anything is reserved.
 * @param {Row} row @param {number} reserved
 */
export function keptFor(row, reserved) {
  if (row.privileged === null) return { least: 0, most: reserved };
  const kept = Math.max(0, reserved - row.privileged);
  return { least: kept, most: kept };
}

/**
 * What other numbers would do, before they are set. `n` to `most` people of the line are seated;
 * the two are the same unless it cannot be known from here. `kept` of the free seats stay reserved.
 * @param {Row} row @param {number} capacity @param {number} [reserved] @returns {Effect}
 */
export function effectOf(row, capacity, reserved = row.reserved) {
  if (capacity === row.capacity && reserved === row.reserved) return { kind: "same", n: 0, most: 0, kept: 0 };
  const taken = occupied(row);
  if (capacity < taken) return { kind: "over", n: taken - capacity, most: taken - capacity, kept: 0 };
  const kept = keptFor(row, reserved);
  const free = capacity - taken;
  if (row.waiting > 0 && row.locked) return { kind: "locked", n: 0, most: 0, kept: 0 };
  if (row.waiting > 0 && row.state === "open") {
    const n = Math.min(row.waiting, Math.max(0, free - kept.most));
    return { kind: "seats", n, most: Math.min(row.waiting, Math.max(0, free - kept.least)), kept: Math.min(free, kept.most) };
  }
  return { kind: "free", n: free, most: free, kept: Math.min(free, kept.most) };
}

/** A number of seats as typed, or null. @param {string} text @param {number} least @param {number} most
 * @returns {number|null} */
export function parseSeats(text, least, most) {
  const clean = text.trim();
  if (!/^\d{1,6}$/.test(clean)) return null;
  const n = Number(clean);
  return n >= least && n <= most ? n : null;
}

/** A capacity as typed, or null. @param {string} text @returns {number|null} */
export function parseCapacity(text) {
  return parseSeats(text, 1, CAPACITY_MAX);
}

export const TREND_MS = 600_000;
const TREND_STEP_MS = 10_000;

/** The last ten minutes of one room's seats, a point every ten seconds. */
export class Trend {
  constructor() {
    /** @type {{at: number, taken: number}[]} */
    this.points = [];
  }

  /** Takes what is seen now; true when a new point began. @param {number} at ms, any clock that
   * does not go back @param {number} taken */
  add(at, taken) {
    const last = this.points.at(-1);
    if (last && at - last.at < TREND_STEP_MS) {
      last.taken = taken;
      return false;
    }
    this.points.push({ at, taken });
    while (this.points[0].at < at - TREND_MS) this.points.shift();
    return true;
  }

  /** More people than at the first point, or fewer. */
  get change() {
    return this.points.length < 2 ? 0 : this.points[this.points.length - 1].taken - this.points[0].taken;
  }

  /** Points of a polyline in a box of 100 by 20, newest at the right; the capacity is its top.
   * @param {number} now @param {number} capacity */
  line(now, capacity) {
    const most = Math.max(capacity, 1, ...this.points.map((p) => p.taken));
    return this.points
      .map((p) => `${(100 - (100 * (now - p.at)) / TREND_MS).toFixed(1)},${(20 - (20 * p.taken) / most).toFixed(1)}`)
      .join(" ");
  }
}

/** How many of `shown` would stand elsewhere in `wanted`.
 * @param {readonly string[]} shown @param {readonly string[]} wanted */
export function moves(shown, wanted) {
  return wanted.filter((room, place) => shown[place] !== room).length;
}
