/** Who is here: hands first in their order, then the stage, hosts and everyone else; by pages. */

import { announce } from "../announce.js";
import { el, icon, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { settings } from "../settings.js";
import { inOrder, onStage, reduce } from "../state.js";
import { roleWord } from "../words.js";
import { askReason } from "./ask.js";

/** @typedef {import("../state.js").RoomState} RoomState */
/** @typedef {import("../messages.js").Person} Person */

const PAGE = 50;
const DRAWN_MAX = 200;

export class People {
  /** @param {import("./live.js").Live} live */
  constructor(live) {
    this.live = live;
    this.list = el("ul", { class: "people", "aria-label": t("People in the room") });
    this.total = el("p", { class: "muted small" });
    this.more = el("button", { type: "button", class: "btn btn-small btn-wide", hidden: true, onclick: () => void this.#more() }, t("Show more people"));
    this.node = el("div", { class: "people-box" }, this.total, this.list, this.more);
    this.shown = PAGE;
    /** @type {Map<string, {key: string, node: HTMLElement}>} */
    this.rows = new Map();
    this.hands = "";
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    if (before && state.people === before.people && state.room === before.room) return;
    this.#hands(state);
    if (!this.node.isConnected) return;
    const people = inOrder(state).slice(0, Math.min(this.shown, DRAWN_MAX));
    setText(this.total, tn("{n} person in the room", "{n} people in the room", state.total));
    const next = new Map();
    people.forEach((person, place) => {
      const stage = onStage(state, person.id);
      const hand = state.room ? state.room.hands.indexOf(person.id) + 1 : 0;
      const key = JSON.stringify([person, stage, hand, this.live.me.role]);
      const old = this.rows.get(person.id);
      const row = old?.key === key ? old : { key, node: this.#row(person, stage, hand) };
      if (old && old !== row) old.node.replaceWith(row.node);
      next.set(person.id, row);
      if (this.list.children[place] !== row.node) this.list.insertBefore(row.node, this.list.children[place] ?? null);
    });
    for (const [id, row] of this.rows) if (!next.has(id)) row.node.remove();
    this.rows = next;
    this.more.hidden = this.shown >= DRAWN_MAX || (state.people.size <= this.shown && state.next === null);
  }

  /** @param {RoomState} state */
  #hands(state) {
    const hands = (state.room?.hands ?? []).join(" ");
    const added = (state.room?.hands ?? []).filter((id) => !this.hands.split(" ").includes(id) && id !== this.live.me.id);
    this.hands = hands;
    if (added.length > 0 && settings.announceHands && this.live.may("stage")) {
      const name = state.people.get(added[0])?.name ?? t("Somebody");
      announce(t("{name} raised a hand", { name }));
    }
  }

  /** @param {Person} person @param {boolean} stage @param {number} hand @returns {HTMLElement} */
  #row(person, stage, hand) {
    const me = person.id === this.live.me.id;
    const facts = [
      person.role === "participant" ? "" : roleWord(person.role), person.company ?? "",
      stage ? t("on stage") : "", person.state === "held" ? t("reconnecting") : "",
    ].filter(Boolean).join(" · ");
    return el("li", { class: `person person-${person.state}` },
      hand > 0 ? el("span", { class: "person-hand" }, icon("hand"), el("span", { class: "vh" }, t("Hand up, number")), String(hand)) : icon("person", "muted"),
      el("div", { class: "person-text" },
        el("span", { class: "person-name", lang: "" }, person.name), me ? el("span", { class: "muted" }, " ", t("(you)")) : null,
        facts ? el("span", { class: "person-facts" }, facts) : null),
      me ? null : this.#acts(person, stage));
  }

  /** @param {Person} person @param {boolean} stage */
  #acts(person, stage) {
    const { live } = this;
    const moderate = (/** @type {string} */ action, /** @type {object} */ fields = {}) =>
      void live.act("moderate", { action, participant: person.id, ...fields });
    const button = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {() => void} */ act) =>
      el("button", { type: "button", class: "row-act", title: label, "aria-label": `${label}: ${person.name}`, onclick: act }, icon(sign));
    const acts = [];
    if (live.may("stage")) {
      acts.push(stage
        ? button("minus", t("Take off the stage"), () => moderate("unstage"))
        : button("stage", t("Bring on stage"), () => moderate("stage")));
    }
    if (stage && live.may("mute")) acts.push(button("mic-off", t("Turn microphone off"), () => moderate("mute", { source: "microphone" })));
    if (live.may("remove") && (person.role === "participant" || person.role === "speaker")) {
      acts.push(button("remove", t("Remove from the room"), async () => {
        const reason = await askReason(t("Remove {name}?", { name: person.name }), t("The seat is free at once. The person sees your reason."));
        if (reason !== null) moderate("remove", { reason: reason || null });
      }));
    }
    return acts.length > 0 ? el("div", { class: "row-acts" }, ...acts) : null;
  }

  async #more() {
    const { page } = this.live;
    this.shown += PAGE;
    if (page.state.next !== null && page.state.people.size < this.shown) {
      const answer = await page.ask("roster", { after: page.state.next, limit: PAGE }).catch(() => null);
      if (answer) page.state = reduce(page.state, answer);
    }
    this.draw(page.state, null);
  }

  /** @param {RoomState} state */
  opened(state) {
    this.draw(state, null);
  }

  /** @param {HTMLElement} heading */
  focus(heading) {
    heading.focus();
  }
}
