/** The desk's arithmetic: pure, so that what a moderator is promised can be tested. */

/**
 * @typedef {{room: string, title: string, live: number, held: number, offered: number,
 *   waiting: number, capacity: number, reserved: number, locked: boolean, state: string,
 *   stage: number, hands: number, oldest_wait_ms: number|null}} Row
 * @typedef {"over"|"full"|"nearly_full"|"filling"|"quiet"|"locked"|"scheduled"|"closed"} DeskStatus
 * @typedef {{kind: "over"|"seats"|"free"|"same", n: number}} Effect
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
 * What another capacity would do, before it is set. `seats` is at most that many: seats kept
 * for the privileged are not given to others.
 * @param {Row} row @param {number} capacity @returns {Effect}
 */
export function effectOf(row, capacity) {
  if (capacity === row.capacity) return { kind: "same", n: 0 };
  const taken = occupied(row);
  if (capacity < taken) return { kind: "over", n: taken - capacity };
  if (row.waiting > 0 && capacity > taken) return { kind: "seats", n: Math.min(row.waiting, capacity - taken) };
  return { kind: "free", n: capacity - taken };
}

/** A capacity as typed, or null. @param {string} text @returns {number|null} */
export function parseCapacity(text) {
  const clean = text.trim();
  if (!/^\d{1,6}$/.test(clean)) return null;
  const n = Number(clean);
  return n >= 1 && n <= CAPACITY_MAX ? n : null;
}

/** How many of `shown` would stand elsewhere in `wanted`.
 * @param {readonly string[]} shown @param {readonly string[]} wanted */
export function moves(shown, wanted) {
  return wanted.filter((room, place) => shown[place] !== room).length;
}
