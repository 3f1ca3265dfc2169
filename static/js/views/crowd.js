/** How many are here, told to a listener who asked for it: the newest number, seldom. */

import { announce } from "../announce.js";
import { tn } from "../i18n.js";
import { settings } from "../settings.js";

const EVERY_MS = 10_000;

export class Crowd {
  constructor() {
    this.now = -1;
    this.told = -1;
    this.timer = 0;
  }

  /** @param {number} inside */
  draw(inside) {
    this.now = inside;
    if (this.told < 0) this.told = inside; // said on the page one enters
    if (inside === this.told || this.timer !== 0) return;
    this.timer = /** @type {any} */ (setTimeout(() => {
      this.timer = 0;
      if (this.now === this.told) return;
      this.told = this.now;
      if (settings.announcePeople) announce(tn("{n} person here", "{n} people here", this.now));
    }, EVERY_MS));
  }

  stop() {
    clearTimeout(this.timer);
  }
}
