/**
 * Who is here, who knocks, and whom one may bring in. With each other person: the short code that
 * shows that nobody sits in between.
 */

import { announce } from "../announce.js";
import { ApiError, call } from "../api.js";
import { el, icon, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { roleWord } from "../words.js";
import { askReason } from "../views/ask.js";
import { Chat } from "../views/chat.js";
import { linesOf } from "./talking.js";

/** @typedef {import("./state.js").TalkState} TalkState */
/** @typedef {import("../state.js").RoomState} RoomState */
/** @typedef {import("../messages.js").Person} Person */

export class TalkPeople {
  /** @param {import("./live.js").TalkLive} talk */
  constructor(talk) {
    this.talk = talk;
    this.open = false;
    this.knocks = el("section", { class: "knocks", "aria-labelledby": "knocks-title", hidden: true });
    this.secure = el("div", { class: "secure" });
    this.list = el("ul", { class: "people", "aria-label": t("People in the room") });
    this.invite = el("section", { class: "invite", "aria-labelledby": "invite-title", hidden: true });
    this.node = el("div", { class: "panel-body" }, this.knocks, this.secure, this.list, this.invite);
    /** @type {Map<string, {node: HTMLElement, chat: Chat, unread: HTMLElement}>} */
    this.rows = new Map();
    this.key = "";
    this.colleagues = "";
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    const [now, old] = /** @type {[TalkState, TalkState|null]} */ ([state, before]);
    if (!old || now.knocking !== old.knocking || now.channels !== old.channels) this.#knocks(now, old);
    if (!this.open) return;
    this.#people(state);
  }

  // --- who knocks ---

  /** @param {TalkState} state @param {TalkState|null} before */
  #knocks(state, before) {
    for (const [id, row] of this.rows) {
      if (state.knocking.has(id)) continue;
      const focused = row.node.contains(document.activeElement);
      row.node.remove();
      this.rows.delete(id);
      if (focused) this.list.closest(".panel")?.querySelector("h2")?.focus();
    }
    for (const [id, person] of state.knocking) {
      if (!this.rows.has(id)) {
        this.#knock(person);
        if (before !== null) this.#told(person);
      }
      this.rows.get(id)?.chat.draw(state, before);
    }
    this.knocks.hidden = state.knocking.size === 0;
    if (this.knocks.firstElementChild?.tagName !== "H3") {
      this.knocks.prepend(el("h3", { id: "knocks-title" }, t("Waiting to be let in")));
    }
    this.#count(state.knocking.size);
  }

  /** @param {number} n */
  #count(n) {
    this.talk.bar.count("people", n);
  }

  /** @param {Person} person */
  #told(person) {
    const who = person.company ? `${person.name} · ${person.company}` : person.name;
    this.talk.toast(t("{who} is at the door.", { who }), "info", {
      urgent: true,
      ways: [
        { text: t("Let in"), act: () => void this.talk.act("moderate", { action: "admit", participant: person.id }) },
        { text: t("Look"), act: () => { if (this.talk.panel !== "people") this.talk.toggle("people"); } },
      ],
    });
  }

  /** @param {Person} person */
  #knock(person) {
    const unread = el("span", { class: "tabs-count", hidden: true });
    const channel = `lobby:${person.id}`;
    const chat = new Chat(this.talk, {
      id: `say-${person.id.replace(/[^\w-]/g, "_")}`, label: t("Message to {name}", { name: person.name }),
      empty: t("Ask what you need to know before you open the door."), channel,
      lines: (state) => linesOf(state, channel),
      unread: (n) => { unread.hidden = n === 0; setText(unread, String(n)); },
    });
    const body = el("div", { class: "knock-chat", hidden: true }, chat.node);
    const talk = el("button", {
      type: "button", class: "btn btn-small", "aria-expanded": "false", onclick: () => {
        body.hidden = !body.hidden;
        talk.setAttribute("aria-expanded", String(!body.hidden));
        if (body.hidden) chat.closed();
        else {
          chat.opened(this.talk.page.state);
          chat.focus(talk);
        }
      },
    }, icon("chat"), t("Talk"), unread);
    const node = el("div", { class: "knock", role: "group", "aria-label": person.name },
      el("p", { class: "knock-who" }, el("b", { lang: "" }, person.name), person.company ? el("span", { class: "muted small", lang: "" }, person.company) : null),
      el("div", { class: "knock-acts" },
        el("button", { type: "button", class: "btn btn-small btn-primary", onclick: () => void this.talk.act("moderate", { action: "admit", participant: person.id }) }, t("Let in")),
        talk,
        el("button", { type: "button", class: "btn btn-small", onclick: () => void this.#deny(person) }, t("Turn away"))),
      body);
    this.rows.set(person.id, { node, chat, unread });
    this.knocks.append(node);
  }

  /** @param {Person} person */
  async #deny(person) {
    const reason = await askReason(t("Turn {name} away?", { name: person.name }), t("They are told, and cannot knock again unless they are invited anew."), { confirm: t("Turn away") });
    if (reason !== null) await this.talk.act("moderate", { action: "deny", participant: person.id, reason: reason || null });
  }

  // --- who is here ---

  /** @param {RoomState} state */
  #people(state) {
    const { me, media } = this.talk;
    const direct = state.media_mode === "direct";
    const people = [...state.people.values()].filter((one) => one.state !== "offered")
      .sort((a, b) => Number(b.id === me.id) - Number(a.id === me.id) || a.name.localeCompare(b.name));
    const key = JSON.stringify([direct, people, people.map((one) => media.mesh.others.get(one.id)?.code), this.talk.host]);
    if (key === this.key) return;
    this.key = key;
    this.secure.replaceChildren(...this.#secured(direct));
    this.list.replaceChildren(...people.map((one) => this.#row(one, direct)));
  }

  /** @param {boolean} direct @returns {Node[]} */
  #secured(direct) {
    return [el("div", { class: `note ${direct ? "note-ok" : "note-warn"}` }, icon(direct ? "shield" : "info"), el("div", {},
      el("p", {}, el("strong", {}, direct ? t("End-to-end encrypted") : t("Not end-to-end encrypted"))),
      el("p", { class: "small" }, direct
        ? t("Read your code aloud to each person: when theirs is the same, nobody between you can listen.")
        : t("With five and more people sound and picture pass through the fair's server. They are encrypted on the way there and on the way on."))))];
  }

  /** @param {Person} person @param {boolean} direct */
  #row(person, direct) {
    const mine = person.id === this.talk.me.id;
    const code = direct && !mine ? this.talk.media.mesh.others.get(person.id)?.code ?? [] : [];
    const facts = [
      person.role === "participant" ? "" : roleWord(person.role), person.company ?? "",
      person.state === "held" ? t("reconnecting") : "",
    ].filter(Boolean).join(" · ");
    return el("li", { class: `person person-${person.state} talk-person` }, icon("person", "muted"),
      el("div", { class: "person-text" },
        el("span", { class: "person-name", lang: "" }, person.name), mine ? el("span", { class: "muted" }, " ", t("(you)")) : null,
        facts ? el("span", { class: "person-facts", lang: "" }, facts) : null,
        code.length > 0 ? el("span", { class: "safety", role: "group", "aria-label": t("Code with {name}", { name: person.name }) },
          ...code.map((group) => el("span", {}, group))) : null),
      !mine && this.talk.may("remove") ? el("button", {
        type: "button", class: "row-act", title: t("Remove from the room"), "aria-label": t("Remove {name} from the room", { name: person.name }),
        onclick: () => void this.#remove(person),
      }, icon("remove")) : null);
  }

  /** @param {Person} person */
  async #remove(person) {
    const reason = await askReason(t("Remove {name}?", { name: person.name }), t("They leave at once and cannot come back unless they are invited anew. They see your reason."), { confirm: t("Remove") });
    if (reason !== null) await this.talk.act("moderate", { action: "remove", participant: person.id, reason: reason || null });
  }

  // --- a colleague ---

  async #invited() {
    if (this.talk.page.token || this.talk.side === "guest") return;
    try {
      const { data } = await call("GET", `/api/v1/negotiations/${this.talk.page.slug}/colleagues`);
      this.#colleagues(data.items);
    } catch {
      this.invite.hidden = true; // no company of one's own here
    }
  }

  /** @param {{person: string, name: string, title: string|null, member: boolean}[]} items */
  #colleagues(items) {
    this.invite.hidden = false;
    const note = el("p", { class: "muted small" });
    this.invite.replaceChildren(el("h3", { id: "invite-title", tabindex: "-1" }, t("Bring in a colleague")),
      items.length === 0 ? el("p", { class: "muted small" }, t("Nobody else works for your company's page yet.")) : el("ul", { class: "colleagues" },
        ...items.map((one) => el("li", { class: "person" }, icon("person", "muted"),
          el("div", { class: "person-text" }, el("span", { class: "person-name", lang: "" }, one.name),
            one.title ? el("span", { class: "person-facts", lang: "" }, one.title) : null),
          one.member ? el("span", { class: "muted small" }, t("invited"))
            : el("button", { type: "button", class: "btn btn-small", "aria-label": t("Invite {name}", { name: one.name }), onclick: () => void this.#bring(one, note) }, t("Invite"))))),
      note);
  }

  /** @param {{person: string, name: string}} one @param {HTMLElement} note */
  async #bring(one, note) {
    try {
      await call("POST", `/api/v1/negotiations/${this.talk.page.slug}/colleagues`, { body: { person: one.person } });
      const had = this.invite.contains(document.activeElement);
      await this.#invited();
      this.#say(/** @type {HTMLElement} */ (this.invite.lastElementChild), t("{name} is invited; it shows on their open pages.", { name: one.name }));
      // The button that was pressed is gone.
      if (had) /** @type {HTMLElement|null} */ (this.invite.firstElementChild)?.focus();
    } catch (fault) {
      const code = fault instanceof ApiError ? fault.code : "";
      this.#say(note, code === "too_many" || code === "wrong_mode" ? t("This talk has no place for another person.") : t("The invitation did not go out. Try again in a moment."));
    }
  }

  /** Shown, and told to screen readers: the list was drawn anew. @param {HTMLElement} note @param {string} text */
  #say(note, text) {
    setText(note, text);
    announce(text);
  }

  /** @param {RoomState} state */
  opened(state) {
    this.open = true;
    this.key = "";
    this.#people(state);
    void this.#invited();
  }

  closed() {
    this.open = false;
  }

  /** @param {HTMLElement} heading */
  focus(heading) {
    heading.focus();
  }

  /** How many are here, in words. @param {number} n */
  static count(n) {
    return tn("{n} person here", "{n} people here", n);
  }
}
