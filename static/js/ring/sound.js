/** How a page that rings is heard, and seen among the tabs. */

import { chime } from "../devices.js";

const QUIET = "pavilion.ring.quiet";
/** Held by the one page of this browser that is heard while several ring. */
const ALOUD = "pavilion.ring";
const TITLED = "☎ ";
const TONE_MS = 2_500;
const TONES = [523, 659, 523];

export function quiet() {
  try {
    return localStorage.getItem(QUIET) === "1";
  } catch {
    return false;
  }
}

/** @param {boolean} on */
export function keepQuiet(on) {
  try {
    localStorage.setItem(QUIET, on ? "1" : "");
  } catch {
    // For this ring only.
  }
}

/** Tones and the page's title, from `start` to `stop`. */
export class Ringer {
  /** @param {() => string|undefined} words what the title says; nothing rings when there are none */
  constructor(words) {
    this.words = words;
    this.title = "";
    this.tone = 0;
    this.aloud = false;
    /** Gives the turn to be heard to another page. @type {AbortController|null} */
    this.turn = null;
  }

  start() {
    if (this.tone) return;
    this.#waitForTurn();
    this.#ring();
    this.tone = setInterval(() => this.#ring(), TONE_MS);
  }

  stop() {
    if (!this.tone) return;
    clearInterval(this.tone);
    this.tone = 0;
    this.turn?.abort();
    if (document.title.startsWith(TITLED)) document.title = this.title;
  }

  #ring() {
    const words = this.words();
    if (words === undefined) return;
    if (document.title.startsWith(TITLED)) document.title = this.title;
    else {
      this.title = document.title; // pages change it themselves
      document.title = TITLED + words;
    }
    if (this.aloud && !quiet()) void chime(TONES).catch(() => undefined); // refused before a first touch of the page
  }

  /** Of several pages that ring one is heard; when it goes, the next. */
  #waitForTurn() {
    const turn = new AbortController();
    this.turn = turn;
    this.aloud = !("locks" in navigator); // an address without TLS has none
    if (this.aloud) return;
    navigator.locks.request(ALOUD, { signal: turn.signal }, () => {
      this.aloud = true;
      return new Promise((done) => {
        if (turn.signal.aborted) done(undefined);
        turn.signal.addEventListener("abort", () => done(undefined));
      });
    }).catch(() => undefined); // given up before its turn came
  }
}
