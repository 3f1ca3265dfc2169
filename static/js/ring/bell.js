/**
 * The bell of a booth, on both sides: what rings for the staff of a company on every page they have
 * open, and the visitor's own call on the company's page. What happened is told by the news socket;
 * what is done goes over the API.
 */

import { alertNow, announce } from "../announce.js";
import { el } from "../dom.js";
import { loadTexts, t } from "../i18n.js";
import { tab } from "../settings.js";
import { Call, MINE } from "./call.js";
import { Card, KEY, enterTalk } from "./card.js";
import { Gone, keptOf } from "./model.js";
import { Ringer, keepQuiet, quiet } from "./sound.js";
import { toldStaff } from "./words.js";

/** Whether keys go into a text just now. */
function typing() {
  const node = document.activeElement;
  return node instanceof HTMLElement && (node.isContentEditable || node.matches("input, select, textarea"));
}

export class Bell {
  constructor() {
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    this.box = el("section", { class: "rings", hidden: true });
    this.ringer = new Ringer(() => this.#ringing[0]?.words);
    /** Where the focus was before a card had it. @type {HTMLElement|null} */
    this.before = null;
    /** @type {Call|null} */
    this.mine = null;
    this.gone = new Gone();
    /** @type {Promise<void>|null} */
    this.texts = null;
  }

  /** A message of the news socket. @param {any} message @returns {boolean} whether it was one of ours */
  take(message) {
    if (message.type === "ring") void this.rings(message);
    else if (message.type === "ring_over") this.over(message);
    else if (message.type === "call" && this.mine?.id === message.id) enterTalk(message.room);
    else if (message.type === "call" && this.cards.has(message.id)) this.#taken(message);
    else return false;
    return true;
  }

  /** Taken by this reader, on whatever page of theirs. @param {{id: string, room: string}} message */
  #taken(message) {
    const card = this.cards.get(message.id);
    if (card) card.room = message.room;
  }

  /** @param {import("./model.js").Ringing} ring */
  async rings(ring) {
    if (this.cards.has(ring.id) || this.gone.has(ring.id)) return;
    this.texts ??= document.documentElement.dataset.ready ? Promise.resolve() : loadTexts();
    await this.texts;
    if (this.cards.has(ring.id) || this.gone.has(ring.id)) return;
    if (!this.box.isConnected) {
      this.box.setAttribute("aria-label", t("Calls"));
      document.body.append(this.box);
      document.addEventListener("keydown", (event) => {
        const first = this.#ringing[0];
        if (event.key !== KEY || event.altKey || event.ctrlKey || event.metaKey || !first) return;
        event.preventDefault();
        this.#enter(first);
      });
    }
    const card = new Card(ring, this);
    this.cards.set(ring.id, card);
    this.box.append(card.node);
    this.box.hidden = false;
    // Whoever types goes on typing; a key leads there. The card itself has the focus, so that a
    // key pressed just then takes and declines nothing.
    if (!typing() && !document.querySelector("dialog[open]")) this.#enter(card);
    alertNow(`${card.words}. ${ring.subject}`);
    this.ringer.start();
    this.#notify(card);
  }

  /** @param {Card} card */
  #enter(card) {
    const node = document.activeElement;
    if (node instanceof HTMLElement && !this.box.contains(node)) this.before = node;
    card.node.focus();
  }

  /** @param {import("./model.js").Over} over */
  over(over) {
    this.gone.add(over.id);
    const card = this.cards.get(over.id);
    if (over.state === "refused") this.drop(over.id); // by this reader, on another page
    else if (card && !card.node.classList.contains("ring-over")) {
      const words = toldStaff(over);
      card.ended(words);
      announce(words);
      this.silence();
    }
    if (this.mine?.id === over.id && over.state !== "answered") this.mine.over(over);
  }

  /** @param {string} id */
  drop(id) {
    const card = this.cards.get(id);
    if (!card) return;
    clearTimeout(card.timer);
    card.notice?.close();
    const had = card.node.contains(document.activeElement);
    card.node.remove();
    this.cards.delete(id);
    this.gone.add(id);
    this.box.hidden = this.cards.size === 0;
    this.silence();
    if (!had) return;
    const back = this.before?.isConnected && this.before !== document.body ? this.before : document.getElementById("main");
    back?.focus();
  }

  get #ringing() {
    return [...this.cards.values()].filter((card) => !card.node.classList.contains("ring-over"));
  }

  /** Unless something else still rings. */
  silence() {
    if (this.#ringing.length === 0) this.ringer.stop();
  }

  hush() {
    keepQuiet(!quiet());
    for (const card of this.cards.values()) card.hush.setAttribute("aria-pressed", quiet() ? "true" : "false");
  }

  /** Where the reader is elsewhere and has allowed it before. @param {Card} card */
  #notify(card) {
    if (!document.hidden || typeof Notification === "undefined" || Notification.permission !== "granted") return;
    try {
      card.notice = new Notification(card.words, { body: card.ring.subject, tag: card.ring.id });
    } catch {
      return; // phones show none for a page
    }
    card.notice.onclick = () => window.focus();
  }

  // --- the visitor ---

  /** The button of a company's page. @param {HTMLElement} button */
  offer(button) {
    button.addEventListener("click", () => {
      if (this.mine === null) this.mine = new Call(this, button);
      void this.mine.open();
    });
    const id = keptOf(tab.get(MINE), button.dataset.ringCompany ?? "");
    if (!id) return;
    this.mine = new Call(this, button);
    void this.mine.back(id);
  }
}

export const bell = new Bell();
