/**
 * A field that finds companies while one types (WAI-ARIA combobox with a list): arrows move in what
 * was found, Enter takes it, Escape closes the list. Whoever takes none has typed a name, as without
 * scripts.
 */

import { announce } from "../announce.js";
import { call } from "../api.js";
import { el } from "../dom.js";
import { t, tn } from "../i18n.js";

/** @typedef {{slug: string, name: string, names: Record<string, string>, country: string}} Company */

const LIMIT = 8;
const PAUSE_MS = 180;
const LANG = document.documentElement.lang || "en";
const regions = new Intl.DisplayNames([LANG], { type: "region" });

/** @param {Company} one */
function country(one) {
  try {
    return regions.of(one.country) ?? one.country;
  } catch {
    return one.country;
  }
}

/** Companies by name, the nearest spelt ones when there is none. @param {string} q @param {AbortSignal} signal */
async function search(q, signal) {
  const { data } = await call("GET", `/api/v1/companies?limit=${LIMIT}&q=${encodeURIComponent(q)}`, { signal });
  return /** @type {Company[]} */ ([...data.items, ...data.similar].slice(0, LIMIT));
}

export class Combobox {
  /** @param {HTMLInputElement} input @param {HTMLInputElement} picked holds the slug of what was taken
   * @param {(q: string, signal: AbortSignal) => Promise<Company[]>} [find] */
  constructor(input, picked, find = search) {
    this.input = input;
    this.picked = picked;
    this.find = find;
    /** @type {Company[]} */
    this.found = [];
    this.active = -1;
    this.timer = 0;
    /** @type {AbortController|null} */
    this.asking = null;
    this.list = el("ul", { class: "combo-list", role: "listbox", id: `${input.id}-list`, "aria-label": t("Companies") });
    this.none = el("p", { class: "combo-none" });
    this.popup = el("div", { class: "combo-popup", hidden: true }, this.list, this.none);
    const box = el("div", { class: "combo" });
    input.before(box);
    box.append(input, this.popup);
    input.removeAttribute("list");
    const said = { role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id };
    for (const [name, value] of Object.entries(said)) input.setAttribute(name, value);
    input.addEventListener("input", () => this.#typed());
    input.addEventListener("keydown", (event) => this.#key(event));
    input.addEventListener("blur", () => this.#close());
    // A press in the list must not take the focus, which would close it.
    this.popup.addEventListener("mousedown", (event) => event.preventDefault());
  }

  get open() {
    return !this.popup.hidden;
  }

  #typed() {
    this.picked.value = "";
    clearTimeout(this.timer);
    this.asking?.abort();
    const q = this.input.value.trim();
    if (q === "") return this.#close();
    this.timer = /** @type {any} */ (setTimeout(() => void this.#ask(q), PAUSE_MS));
  }

  /** @param {string} q */
  async #ask(q) {
    const asking = new AbortController();
    this.asking = asking;
    try {
      const found = await this.find(q, asking.signal);
      if (asking.signal.aborted || document.activeElement !== this.input) return;
      this.#show(found);
    } catch {
      if (asking.signal.aborted) return;
      this.#close(); // a name is taken as it is typed
    }
  }

  /** @param {Company[]} found */
  #show(found) {
    this.found = found;
    this.list.replaceChildren(...found.map((one, n) => {
      const own = one.names[LANG] ?? one.name;
      const node = el("li", { role: "option", id: `${this.list.id}-${n}`, "aria-selected": "false", onclick: () => this.#take(n) },
        el("span", { lang: "" }, own), " ",
        el("span", { class: "muted" }, own === one.name ? "" : `${one.name} · `, country(one)));
      return node;
    }));
    this.list.hidden = found.length === 0;
    this.none.hidden = found.length > 0;
    const words = found.length === 0 ? t("No company is called this.") : tn("{n} company found. Choose with the arrow keys.", "{n} companies found. Choose with the arrow keys.", found.length);
    this.none.textContent = found.length === 0 ? words : "";
    this.#move(-1);
    this.popup.hidden = false;
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    announce(words);
  }

  #close() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.popup.hidden = true;
    this.#move(-1);
    this.input.setAttribute("aria-expanded", "false");
  }

  /** @param {number} to -1: none is active */
  #move(to) {
    this.active = to;
    [...this.list.children].forEach((node, n) => node.setAttribute("aria-selected", String(n === to)));
    const node = this.list.children[to];
    if (node) {
      this.input.setAttribute("aria-activedescendant", node.id);
      node.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const { key } = event;
    const many = this.found.length;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (!this.open) return this.#typed();
      if (many === 0) return;
      const step = key === "ArrowDown" ? 1 : -1;
      this.#move(this.active === -1 && step === -1 ? many - 1 : (this.active + step + many) % many);
    } else if (key === "Enter" && this.open && this.active >= 0) {
      event.preventDefault(); // takes it, and does not send the form
      this.#take(this.active);
    } else if (key === "Escape" && this.open) {
      event.preventDefault();
      this.#close();
    }
  }

  /** @param {number} n */
  #take(n) {
    const one = this.found[n];
    if (!one) return;
    this.input.value = one.name;
    this.picked.value = one.slug;
    this.#close();
    announce(t("{name} is chosen.", { name: one.name }));
  }
}

/** Every `input[data-company-pick]`, which names the field that holds what was taken. Addresses
 * of companies the page knows are shown as their names. @param {ParentNode} [root] */
export function companyFields(root = document) {
  for (const node of root.querySelectorAll("input[data-company-pick]")) {
    const input = /** @type {HTMLInputElement} */ (node);
    const name = input.dataset.companyPick ?? "";
    const known = [.../** @type {HTMLDataListElement|null} */ (input.list)?.options ?? []];
    // What is offered to readers without scripts goes: the list says the same.
    for (const offer of root.querySelectorAll(`[data-company-near="${CSS.escape(name)}"]`)) offer.remove();
    const picked = el("input", { type: "hidden", name });
    input.after(picked);
    const mine = known.find((option) => option.value === input.value);
    if (mine) {
      picked.value = input.value;
      input.value = mine.text;
    }
    new Combobox(input, picked);
  }
}
