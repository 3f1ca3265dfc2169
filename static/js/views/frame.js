/** What every room's page has around its stage: toasts, one side panel, shortcuts, asking. */

import { alertNow, announce } from "../announce.js";
import { byId, el, icon } from "../dom.js";
import { t } from "../i18n.js";
import { may } from "../messages.js";
import { outcomeOf } from "../refusals.js";
import { settings } from "../settings.js";
import { Refused } from "../socket.js";
import { onStage } from "../state.js";

/** @typedef {import("../state.js").RoomState} RoomState */
/**
 * @typedef {object} Panel a view that may stand in the side panel
 * @property {HTMLElement} node
 * @property {(state: any) => void} opened
 * @property {() => void} [closed]
 * @property {(heading: HTMLElement) => void} focus
 */
/** @typedef {{focus: () => void, panels: (open: string) => void, shortcuts: () => Record<string, () => void>}} Controls */

/** Where panels are sheets (room.css). */
const SHEETS = matchMedia("(max-width: 60rem)");

export class Frame {
  /** @param {import("../pages/room.js").RoomPage} page */
  constructor(page) {
    this.page = page;
    this.panel = "";
    this.dimmed = false;
    this.toasts = el("div", { class: "toasts" });
    this.aside = el("aside", { class: "panel", id: "panel", hidden: true, "aria-label": t("Side panel"), tabindex: "-1" });
  }

  /** The panels by name; the button `bar-<name>` opens each. @returns {Record<string, {title: string, view: Panel}>} */
  panels() {
    return {};
  }

  /** @returns {Controls} */
  controls() {
    return { focus: () => undefined, panels: () => undefined, shortcuts: () => ({}) };
  }

  /** Listen to keys and to the browser's own "back". */
  listen() {
    document.addEventListener("keydown", this.key);
    addEventListener("popstate", this.popped);
  }

  get me() {
    return this.page.me ?? { id: "", name: "", role: "participant" };
  }

  get staged() {
    return onStage(this.page.state, this.me.id);
  }

  /** @param {string} act */
  may(act) {
    return may(this.me.role, act);
  }

  /** A message at the foot of the stage. @param {string} text @param {"info"|"warn"} kind
   * @param {{urgent?: boolean, ways?: {text: string, act: () => void}[]}} [options] */
  toast(text, kind, { urgent = false, ways = [] } = {}) {
    /** @type {HTMLElement} */
    const node = el("div", { class: `toast toast-${kind}` }, icon(kind === "warn" ? "warn" : "info"),
      el("div", {}, el("p", {}, text), ...ways.map((way) => el("button", { type: "button", class: "toast-way", onclick: () => { way.act(); node.remove(); } }, way.text))),
      el("button", { type: "button", class: "toast-close", "aria-label": t("Dismiss"), onclick: () => node.remove() }, icon("close")));
    this.toasts.append(node);
    while (this.toasts.children.length > 3) this.toasts.firstElementChild?.remove();
    // Long enough to be read twice, and gone only while nobody points at it.
    const gone = () => (node.matches(":hover, :focus-within") ? setTimeout(gone, 2_000) : node.remove());
    setTimeout(gone, 6_000 + text.length * 60);
    (urgent ? alertNow : announce)(text);
  }

  /** Ask, and tell the person when it did not work. @param {string} type @param {Record<string, unknown>} fields
   * @returns {Promise<boolean>} */
  async act(type, fields) {
    try {
      await this.page.ask(type, fields);
      return true;
    } catch (fault) {
      const code = fault instanceof Refused ? fault.code : "no_answer";
      const outcome = outcomeOf(code, fault instanceof Refused ? fault.detail : undefined);
      this.toast(`${outcome.title}. ${outcome.text}`, "warn", { urgent: true });
      return false;
    }
  }

  /** Open, switch or close the side panel. @param {string} name @param {boolean} [focus] */
  toggle(name, focus = true) {
    const opener = byId(`bar-${name}`);
    const open = this.panel !== name;
    const panels = this.panels();
    // On a phone a panel covers the room: "back" closes it, and does not leave the call.
    if (open && this.panel === "" && SHEETS.matches) history.pushState({ panel: name }, "");
    else if (!open && history.state?.panel) history.back();
    if (this.panel) panels[this.panel].view.closed?.();
    this.panel = open ? name : "";
    this.aside.hidden = !open;
    byId("live").toggleAttribute("data-panel", open);
    if (open) {
      const { title, view } = panels[name];
      const heading = el("h2", { id: "panel-title", tabindex: "-1" }, title);
      this.aside.replaceChildren(
        el("div", { class: "panel-head" }, heading,
          el("button", { type: "button", class: "panel-close", "aria-label": t("Close the panel"), onclick: () => this.toggle(name) }, icon("close"))),
        view.node);
      this.aside.setAttribute("aria-labelledby", "panel-title");
      view.opened(this.page.state);
      if (focus) view.focus(heading);
    } else if (focus) opener.focus();
    this.controls().panels(this.panel);
  }

  /** @param {boolean} on */
  dim(on) {
    this.dimmed = on;
    byId("live").toggleAttribute("data-dim", on);
  }

  popped = () => {
    if (this.panel && !history.state?.panel) this.toggle(this.panel);
  };

  /** @param {KeyboardEvent} event */
  key = (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === "F2") {
      event.preventDefault();
      this.controls().focus();
      return;
    }
    if (event.key === "Escape" && this.panel && !document.querySelector("dialog[open]")) {
      this.toggle(this.panel);
      return;
    }
    if (!settings.shortcuts || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const act = this.controls().shortcuts()[event.key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
  };

  close() {
    document.removeEventListener("keydown", this.key);
    removeEventListener("popstate", this.popped);
    byId("live").replaceChildren();
    byId("live").removeAttribute("data-panel");
    this.dim(false);
  }
}
