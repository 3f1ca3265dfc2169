/**
 * The front page: the server has drawn what is on now; here it moves. A fair has more rooms than
 * a page should carry, so the list is the first of them, and a filter asks the server for others.
 */

import { call } from "../api.js";
import { bar, byId, el, icon, setText } from "../dom.js";
import { moment, number, t, tn } from "../i18n.js";
import { ownTimes } from "../times.js";
import { statusWord } from "../words.js";
import { agendaButtons } from "./programme.js";

const EVERY_MS = 2_000;
const STALE_MS = 8_000;
const ROOMS_MIN = 36; // of the list, so that new rooms appear by themselves
const TYPED_MS = 300;

/** @typedef {{slug: string, title: string, status: string, inside: number|null, waiting: number|null,
 *   capacity: number, lock_message: string|null, opens_at: string|null,
 *   on: {slug: string, title: string, lang: string}|null}} Row */

export function start() {
  const list = byId("rooms");
  const filter = /** @type {HTMLInputElement|null} */ (document.getElementById("filter"));
  const limit = Math.max(ROOMS_MIN, Number(list.dataset.limit) || 0);
  const partial = () => Number(list.dataset.more) > 0;
  let etag = "";
  let wanted = "";
  let heard = performance.now();
  ownTimes();
  agendaButtons();

  const sieve = () => {
    for (const item of list.children) {
      const names = [...item.querySelectorAll(".room-title, .room-where")].map((node) => node.textContent ?? "");
      /** @type {HTMLElement} */ (item).hidden = !names.some((name) => name.toLocaleLowerCase().includes(wanted));
    }
    const shown = [...list.children].some((item) => !(/** @type {HTMLElement} */ (item).hidden));
    byId("no-match").hidden = shown || wanted === "";
  };

  const look = async () => {
    if (document.hidden) return;
    const asked = wanted;
    const query = new URLSearchParams({ limit: String(limit) });
    if (asked && partial()) query.set("q", asked);
    try {
      const answer = await call("GET", `/now.json?${query}`, { headers: etag ? { "If-None-Match": etag } : {} });
      heard = performance.now();
      if (asked !== wanted) return; // typed on meanwhile: that answer comes
      if (answer.status === 200) {
        etag = answer.etag;
        draw(list, answer.data.rooms);
        byId("empty").hidden = list.children.length > 0 || wanted !== "";
        sieve();
      }
    } catch {
      // The freshness line below tells; the next look tries again.
    }
    fresh(performance.now() - heard);
  };

  let typed = 0;
  const changed = () => {
    wanted = (filter?.value ?? "").trim().toLocaleLowerCase();
    sieve();
    if (!partial()) return;
    clearTimeout(typed);
    typed = setTimeout(() => void look(), TYPED_MS);
  };
  filter?.addEventListener("input", changed);
  byId("clear-filter").addEventListener("click", () => {
    if (filter) {
      filter.value = "";
      filter.focus();
    }
    changed();
  });
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
  void look();
}

/** @param {number} age_ms */
function fresh(age_ms) {
  const line = document.getElementById("fresh");
  if (line === null) return;
  const stale = age_ms > STALE_MS;
  line.dataset.state = stale ? "stale" : "live";
  const seconds = Math.round(age_ms / 1000);
  setText(byId("fresh-text"), stale
    ? t("Numbers are {n} s old. Trying to reach the server.", { n: seconds })
    : t("Live numbers"));
}

/** @param {HTMLElement} list @param {Row[]} rows */
function draw(list, rows) {
  const known = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.slug, item]));
  rows.forEach((row, place) => {
    const old = known.get(row.slug);
    known.delete(row.slug);
    const key = JSON.stringify(row);
    let item = /** @type {HTMLElement|undefined} */ (old);
    if (item === undefined) {
      item = el("li", { class: "room", "data-slug": row.slug });
      item.append(el("a", { class: "room-link", href: `/rooms/${row.slug}` }));
    }
    if (item.dataset.key !== key) {
      item.dataset.key = key;
      item.dataset.status = row.status;
      /** @type {Element} */ (item.firstElementChild).replaceChildren(...line(row));
    }
    // Only a new room is put in its place: what one is about to click must not jump.
    if (old === undefined) list.insertBefore(item, list.children[place] ?? null);
  });
  for (const gone of known.values()) gone.remove();
}

/** @param {Row} row @returns {Node[]} */
function line(row) {
  const inside = row.inside ?? 0;
  return [
    el("span", { class: "room-title", lang: row.on?.lang ?? "" }, row.on?.title ?? row.title),
    el("span", { class: "room-meta" },
      el("span", { class: `status status-${row.status}` }, icon(`st-${row.status}`), el("span", {}, statusWord(row.status))),
      row.on && el("span", { class: "room-note room-where", lang: "" }, row.title),
      noteOf(row)),
    el("span", { class: "room-fill" },
      bar([{ cls: "fill-in", n: inside }], row.capacity),
      el("span", { class: "room-count" },
        el("b", {}, row.inside === null ? "–" : number(inside)), ` / ${number(row.capacity)} `,
        el("span", { class: "unit" }, t("seats taken")))),
    icon("chevron", "room-go"),
  ];
}

/** @param {Row} row */
function noteOf(row) {
  if (row.status === "scheduled" && row.opens_at) {
    return el("span", { class: "room-note" }, t("Opens"), " ",
      el("time", { datetime: row.opens_at }, moment(row.opens_at)));
  }
  if (row.status === "locked" && row.lock_message) {
    return el("span", { class: "room-note", lang: "" }, row.lock_message);
  }
  if (row.waiting) {
    return el("span", { class: "room-note" },
      tn("{n} person waiting", "{n} people waiting", row.waiting));
  }
  return null;
}
