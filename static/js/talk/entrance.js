/** The entrance of a talk: who one is, when it opens, and an optional look at one's devices. */

import { byId, el, icon, setText } from "../dom.js";
import { fairMoment, moment, span, t } from "../i18n.js";
import { ownTime } from "../times.js";
import { roleWord } from "../words.js";
import { Check } from "../views/check.js";

const EVERY_MS = 1_000;

export class TalkEntrance {
  /** @param {import("../pages/negotiation.js").NegotiationPage} page */
  constructor(page) {
    this.page = page;
    this.devices = new Check();
    this.wired = false;
    this.timer = 0;
    this.key = "";
  }

  get checked() {
    return this.devices.checked;
  }

  start() {
    if (!this.wired) this.#wire();
    this.#who();
    this.busy(false);
    clearInterval(this.timer);
    this.timer = /** @type {any} */ (setInterval(() => this.#opens(), EVERY_MS));
    this.#opens();
  }

  pause() {
    clearInterval(this.timer);
    this.devices.stop();
  }

  #wire() {
    this.wired = true;
    byId("enter-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (byId("enter").getAttribute("aria-disabled") !== "true") void this.page.enter();
    });
    // Pressed before this, the form would only have loaded the page again.
    /** @type {HTMLButtonElement} */ (byId("enter")).disabled = false;
    this.devices.wire();
    this.#ownTimes();
  }

  /** The reader's own clock beside the fair's, when it says something else. */
  #ownTimes() {
    const { talk } = this.page;
    const place = document.getElementById("own-times");
    if (talk === null || place === null) return;
    const [from, to] = [ownTime(new Date(talk.starts_at)), talk.ends_at ? ownTime(new Date(talk.ends_at)) : ""];
    if (from) setText(place, t("{time} your time", { time: to ? [from, to].join("–") : from }));
    for (const node of document.querySelectorAll(".talk-when [data-own]")) node.removeAttribute("data-own");
  }

  #who() {
    const { me, talk } = this.page;
    const line = byId("who-line");
    line.hidden = me === null;
    if (me === null) return;
    line.replaceChildren(icon("person"), " ", el("span", {}, me.role === "host"
      ? t("You enter as {name} ({role})", { name: me.name, role: roleWord(me.role) })
      : t("You enter as {name}", { name: me.name })));
    if (talk?.knocks) setText(byId("enter-hint"), t("You knock first: the host side sees your name and lets you in."));
  }

  #opens() {
    const opens = this.page.talk?.opens_at ?? null;
    const left = opens ? Date.parse(opens) - Date.now() : 0;
    const early = left > 0;
    const enter = byId("enter");
    enter.setAttribute("aria-disabled", String(early));
    const place = byId("lobby-notice");
    const key = early ? String(opens) : "";
    if (key !== this.key) {
      this.key = key;
      place.replaceChildren(...(opens && early ? [el("div", { class: "note" }, icon("clock"), el("div", {},
        el("strong", {}, t("Opens in")), " ", el("b", { id: "countdown", class: "num" }), el("br"),
        t("{here} your time", { here: moment(opens) }), el("br"), t("{there} at the fair", { there: fairMoment(opens) })))] : []));
    }
    const countdown = document.getElementById("countdown");
    if (countdown) setText(countdown, span(left));
  }

  /** @param {boolean} on */
  busy(on) {
    const enter = byId("enter");
    enter.setAttribute("aria-busy", String(on));
    setText(enter, on ? t("Entering …") : this.page.talk?.knocks ? t("Knock") : t("Enter the talk"));
  }

  /** There are no guests without an invitation. @returns {null} */
  guestName() {
    this.page.refused("unauthorised", null);
    return null;
  }

  nameFault() {}
}
