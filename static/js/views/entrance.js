/** What a room and a talk have before one is inside: the way in, who one is, one's devices. */

import { byId, el, icon, setText } from "../dom.js";
import { fairMoment, moment, span, t } from "../i18n.js";
import { roleWord } from "../words.js";
import { Check } from "./check.js";

/** The entrance of a page; `draw`, `look`, `names` and `hint` are what each has of its own. */
export class Entrance {
  /** @param {{enter: () => Promise<void>, me: {name: string, role: string}|null}} page @param {number} everyMs how often it looks */
  constructor(page, everyMs) {
    this.way = page;
    this.everyMs = everyMs;
    this.devices = new Check();
    this.wired = false;
    this.timer = 0;
  }

  get checked() {
    return this.devices.checked;
  }

  start() {
    if (!this.wired) this.wire();
    this.who();
    this.busy(false);
    clearInterval(this.timer);
    this.timer = /** @type {any} */ (setInterval(() => void this.look(), this.everyMs));
    void this.look();
  }

  /** Another view is shown; the preview must not keep the camera's light on. */
  pause() {
    clearInterval(this.timer);
    this.devices.stop();
  }

  wire() {
    this.wired = true;
    byId("enter-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (byId("enter").getAttribute("aria-disabled") !== "true") void this.way.enter();
    });
    // Pressed before this, the form would only have loaded the page again.
    /** @type {HTMLButtonElement} */ (byId("enter")).disabled = false;
    this.devices.wire();
  }

  /** The button, and what else shows that nobody is entering. */
  draw() {}

  /** Whether one may enter by now. @returns {void|Promise<void>} */
  look() {}

  /** Whether the line about the reader names this role. @param {string} _role */
  names(_role) {
    return true;
  }

  /** What to know before one enters, when it is other than the page says. @returns {string} */
  hint() {
    return "";
  }

  /** Who one is here, before one enters. */
  who() {
    const { me } = this.way;
    const line = byId("who-line");
    line.hidden = me === null;
    if (me === null) return;
    line.replaceChildren(icon("person"), " ", el("span", {}, this.names(me.role)
      ? t("You enter as {name} ({role})", { name: me.name, role: roleWord(me.role) })
      : t("You enter as {name}", { name: me.name })));
    const hint = this.hint();
    if (hint) setText(byId("enter-hint"), hint);
  }

  /** @param {boolean} on */
  busy(on) {
    const enter = byId("enter");
    enter.setAttribute("aria-busy", String(on));
    if (on) setText(enter, t("Entering …"));
    else this.draw();
  }
}

/** When a door opens, on both clocks; `count` keeps its seconds going. @param {string} opens */
export function opensIn(opens) {
  return [el("strong", {}, t("Opens in")), " ", el("b", { id: "countdown", class: "num" }), el("br"),
    t("{here} your time", { here: moment(opens) }), el("br"), t("{there} at the fair", { there: fairMoment(opens) })];
}

/** @param {number} leftMs */
export function count(leftMs) {
  const countdown = document.getElementById("countdown");
  if (countdown) setText(countdown, span(leftMs));
}
