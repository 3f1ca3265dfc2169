/**
 * What a microphone's loudness says about its owner: unmuted and silent for long, or talking
 * while muted. Pure: fed with levels and the time, so that it can be tested without a device.
 */

/** Below this even a quiet room is louder (levels of devices.js `meter`, 0 to 1). */
export const SILENCE = 0.03;
export const SILENT_MS = 8_000;
/** A voice near the microphone; a keyboard or a cough is shorter than TALK_MS. */
export const TALK = 0.2;
export const TALK_MS = 600;
const TALK_WINDOW_MS = 2_000;
const REPEAT_MS = 30_000;

export class Hearing {
  constructor() {
    this.on = false;
    this.quietSince = -1;
    this.told = false;
    /** @type {{at: number, ms: number}[]} stretches of talk in the window, muted */
    this.talk = [];
    this.last = -1;
    this.warned = -Infinity;
  }

  /**
   * @param {number} level @param {boolean} on whether others would hear it @param {number} now ms
   * @returns {"silent"|"muted"|""} what to tell the person now
   */
  hear(level, on, now) {
    const step = this.last < 0 ? 0 : Math.min(now - this.last, 200);
    this.last = now;
    if (on !== this.on) {
      this.on = on;
      this.quietSince = -1;
      this.talk = [];
    }
    return on ? this.#open(level, now) : this.#muted(level, now, step);
  }

  /** @param {number} level @param {number} now @returns {"silent"|""} */
  #open(level, now) {
    if (level >= SILENCE) {
      this.quietSince = -1;
      this.told = false; // it works; should it fall silent again, that is news
      return "";
    }
    if (this.quietSince < 0) this.quietSince = now;
    if (this.told || now - this.quietSince < SILENT_MS) return "";
    this.told = true;
    return "silent";
  }

  /** @param {number} level @param {number} now @param {number} step @returns {"muted"|""} */
  #muted(level, now, step) {
    this.talk = this.talk.filter((one) => now - one.at < TALK_WINDOW_MS);
    if (level >= TALK) this.talk.push({ at: now, ms: step });
    const talked = this.talk.reduce((sum, one) => sum + one.ms, 0);
    if (talked < TALK_MS || now - this.warned < REPEAT_MS) return "";
    this.warned = now;
    return "muted";
  }
}
