/** The entrance of a talk: who one is, when it opens, and an optional look at one's devices. */

import { byId, el, icon, setText } from "../dom.js";
import { t } from "../i18n.js";
import { ownTime } from "../times.js";
import { Entrance, count, opensIn } from "../views/entrance.js";

const EVERY_MS = 1_000;

export class TalkEntrance extends Entrance {
  /** @param {import("../pages/negotiation.js").NegotiationPage} page */
  constructor(page) {
    super(page, EVERY_MS);
    this.page = page;
    this.key = "";
  }

  /** @override */
  wire() {
    super.wire();
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

  /** @override @param {string} role */
  names(role) {
    return role === "host";
  }

  /** @override */
  hint() {
    return this.page.talk?.knocks ? t("You knock first: the host side sees your name and lets you in.") : "";
  }

  /** @override */
  draw() {
    setText(byId("enter"), this.page.talk?.knocks ? t("Knock") : t("Enter the talk"));
  }

  /** @override */
  look() {
    const opens = this.page.talk?.opens_at ?? null;
    const left = opens ? Date.parse(opens) - Date.now() : 0;
    const early = left > 0;
    const enter = byId("enter");
    enter.setAttribute("aria-disabled", String(early));
    const place = byId("lobby-notice");
    const key = early ? String(opens) : "";
    if (key !== this.key) {
      this.key = key;
      place.replaceChildren(...(opens && early ? [el("div", { class: "note" }, icon("clock"), el("div", {}, ...opensIn(opens)))] : []));
    }
    count(left);
  }

  /** There are no guests without an invitation. @returns {null} */
  guestName() {
    this.page.refused("unauthorised", null);
    return null;
  }

  nameFault() {}
}
