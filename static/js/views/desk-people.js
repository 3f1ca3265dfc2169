/** One room opened at the desk: who is there, who waits, and what can be done about each. */

import { ApiError } from "../api.js";
import { el, icon, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { outcomeOf } from "../refusals.js";
import { roleWord } from "../words.js";
import { askReason } from "./ask.js";

/** @typedef {{id: string, name: string, role: string, company: string|null,
 *   state: "live"|"held"|"offered"|"waiting", stage: boolean, hand: number|null, position: number|null}} Participant */

const EVERY_MS = 2_000;
const BAN_S = 3_600;

export class PeopleDialog {
  /** @param {import("../pages/desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    this.slug = "";
    this.cursor = "";
    this.timer = 0;
    this.title = el("h2", { id: "people-title", lang: "" });
    this.state = el("select", { id: "people-state", onchange: () => void this.#look("") },
      ...[["", t("Everyone")], ["live", t("Live")], ["held", t("Held (reconnecting)")], ["offered", t("Offered a seat")], ["waiting", t("Waiting")]]
        .map(([value, text]) => el("option", { value }, text)));
    this.note = el("p", { class: "muted small", role: "status" });
    this.list = el("ul", { class: "people", "aria-labelledby": "people-title" });
    this.more = el("button", { type: "button", class: "btn btn-small", hidden: true, onclick: () => void this.#look(this.cursor) }, t("Next page"));
    this.dialog = el("dialog", { class: "desk-people", "aria-labelledby": "people-title" },
      el("div", { class: "panel-head" }, this.title, el("button", { type: "button", class: "panel-close", "aria-label": t("Close"), onclick: () => this.dialog.close() }, icon("close"))),
      el("div", { class: "desk-people-tools" },
        el("div", { class: "field field-inline" }, el("label", { for: "people-state" }, t("Show")), this.state), this.note),
      this.list, this.more, this.#unban());
    this.dialog.addEventListener("close", () => clearInterval(this.timer));
  }

  #unban() {
    const id = el("input", { id: "unban-id", autocomplete: "off", spellcheck: "false", maxlength: 64 });
    return el("details", { class: "unban" }, el("summary", {}, t("Let a banned person in again")),
      el("form", { class: "tool", onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        if (id.value.trim()) void this.#act(id.value.trim(), id.value.trim(), { action: "unban" });
      } }, el("div", { class: "field" }, el("label", { for: "unban-id" }, t("The person's id")), id), el("button", { class: "btn btn-small", type: "submit" }, t("Unban"))));
  }

  /** @param {import("../desk-model.js").Row} row */
  async open(row) {
    this.slug = row.room;
    setText(this.title, row.title);
    this.state.value = row.waiting > 0 ? "" : this.state.value;
    this.list.replaceChildren();
    this.dialog.showModal();
    await this.#look("");
    clearInterval(this.timer);
    this.timer = /** @type {any} */ (setInterval(() => {
      // A page further on, or a hand on a button, must not be pulled away.
      if (!this.list.matches(":hover, :focus-within") && !document.hidden && this.page === "") void this.#look("");
    }, EVERY_MS));
  }

  page = "";

  /** @param {string} cursor */
  async #look(cursor) {
    const query = new URLSearchParams({ limit: "100" });
    if (this.state.value) query.set("state", this.state.value);
    if (cursor) query.set("cursor", cursor);
    try {
      const { data } = await this.desk.call("GET", `/rooms/${this.slug}/participants?${query}`);
      this.page = cursor;
      this.cursor = data.next ?? "";
      this.more.hidden = data.next === null;
      this.list.replaceChildren(...data.items.map((/** @type {Participant} */ person) => this.#row(person)));
      setText(this.note, data.items.length === 0 ? t("Nobody.") : tn("{n} person shown", "{n} people shown", data.items.length));
    } catch (fault) {
      setText(this.note, outcomeOf(fault instanceof ApiError ? fault.code : "no_answer").text);
    }
  }

  /** @param {Participant} person */
  #row(person) {
    const word = { live: t("Live"), held: t("Held (reconnecting)"), offered: t("Offered a seat"), waiting: t("Waiting, number {n}", { n: person.position ?? 0 }) }[person.state];
    const facts = [word, roleWord(person.role), person.company ?? "", person.stage ? t("on stage") : "", person.hand !== null ? t("hand up") : ""].filter(Boolean).join(" · ");
    const act = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {() => unknown} */ does) =>
      el("button", { type: "button", class: "btn btn-small", "aria-label": `${label}: ${person.name}`, onclick: () => void does() }, icon(sign), label);
    const seated = person.state !== "waiting" && person.state !== "offered";
    return el("li", { class: "person" }, icon("person", "muted"),
      el("div", { class: "person-text" }, el("span", { class: "person-name", lang: "" }, person.name), el("span", { class: "person-facts" }, facts), el("span", { class: "person-facts person-id" }, person.id)),
      el("div", { class: "row-acts" },
        seated ? act("stage", person.stage ? t("Off stage") : t("On stage"), () => this.#act(person.id, person.name, { action: person.stage ? "unstage" : "stage" })) : null,
        act("remove", t("Remove"), async () => {
          const reason = await askReason(t("Remove {name}?", { name: person.name }), t("The seat is free at once. The person sees your reason."));
          if (reason !== null) await this.#act(person.id, person.name, { action: "remove", reason: reason || null });
        }),
        act("lock", t("Ban for an hour"), async () => {
          const reason = await askReason(t("Keep {name} out for an hour?", { name: person.name }), t("The seat is free at once. The person sees your reason. You can undo this with the id below."));
          if (reason !== null) await this.#act(person.id, person.name, { action: "ban", seconds: BAN_S, reason: reason || null });
        })));
  }

  /** @param {string} id @param {string} name @param {Record<string, unknown>} body */
  async #act(id, name, body) {
    try {
      await this.desk.call("POST", `/rooms/${this.slug}/participants/${encodeURIComponent(id)}/actions`, { body });
      this.desk.log(`${name}: ${this.#did(String(body.action))}`);
      setText(this.note, `${name}: ${this.#did(String(body.action))}`);
      await this.#look("");
    } catch (fault) {
      const outcome = outcomeOf(fault instanceof ApiError ? fault.code : "no_answer");
      setText(this.note, `${outcome.title}. ${outcome.text}`);
    }
  }

  /** @param {string} action */
  #did(action) {
    switch (action) {
      case "stage": return t("brought on stage");
      case "unstage": return t("taken off the stage");
      case "remove": return t("removed");
      case "ban": return t("banned for an hour");
      default: return t("may enter again");
    }
  }
}
