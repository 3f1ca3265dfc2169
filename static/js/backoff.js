/** How long to wait before coming back: pure, so that it can be tested to the millisecond. */

export const FIRST_MS = 500;
export const LONGEST_MS = 15_000;

/**
 * Full jitter over an exponentially growing window, so that a thousand people whose server
 * went away do not return in the same instant. A wait the server asked for is a floor.
 *
 * @param {number} attempt 0 for the first try after a loss
 * @param {number} random in [0, 1)
 * @param {number} [floor_ms] the server's `retry_after_ms`
 * @returns {number} milliseconds
 */
export function delay(attempt, random, floor_ms = 0) {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  const spread = floor_ms > 0 ? Math.max(ceiling, floor_ms / 2) : ceiling;
  return Math.round(Math.max(0, floor_ms) + random * spread);
}
