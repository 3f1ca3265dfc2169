/**
 * One polite and one assertive voice for the whole page: at least 300 ms apart, the newest
 * message wins, the region is emptied first so that a repeat is heard.
 */

const GAP_MS = 300;

class Voice {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.next = "";
    this.timer = 0;
    this.last = 0;
  }

  /** @param {string} text */
  say(text) {
    this.next = text;
    const region = document.getElementById(this.id);
    if (region === null || this.timer !== 0) return;
    region.textContent = "";
    const wait = Math.max(50, this.last + GAP_MS - performance.now());
    this.timer = /** @type {any} */ (setTimeout(() => {
      this.timer = 0;
      this.last = performance.now();
      region.textContent = this.next;
    }, wait));
  }
}

const polite = new Voice("polite");
const assertive = new Voice("assertive");

/** Told when the listener is free. @param {string} text */
export function announce(text) {
  polite.say(text);
}

/** Told at once; for what needs an act. @param {string} text */
export function alertNow(text) {
  assertive.say(text);
}
