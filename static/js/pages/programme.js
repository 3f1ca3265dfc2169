/** The programme, one talk, my agenda: own times, live seats, the agenda without leaving the page. */

import { announce } from "../announce.js";
import { ApiError, call } from "../api.js";
import { byId, el, icon, setText, statusBadge } from "../dom.js";
import { number, t } from "../i18n.js";
import { ownTimes } from "../times.js";
import { statusWord } from "../words.js";

const EVERY_MS = 5_000;

export function start() {
  ownTimes();
  agendaButtons();
  liveSeats();
  copyFeed();
}

// --- my agenda -----------------------------------------------------------------------------

export function agendaButtons() {
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const slug = form.dataset?.agenda;
    if (slug === undefined) return;
    event.preventDefault();
    void toggle(form, slug, form.dataset.in === "true");
  });
}

/** @param {HTMLFormElement} form @param {string} slug @param {boolean} inside */
async function toggle(form, slug, inside) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    if (inside) {
      await call("DELETE", `/api/v1/me/agenda/${slug}`);
      draw(form, false);
      announce(t("Taken out of your agenda."));
    } else {
      await put(form, slug, false);
    }
  } catch {
    form.submit(); // the page's own way says what is wrong
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Raises ApiError. @param {HTMLFormElement} form @param {string} slug @param {boolean} anyway */
async function put(form, slug, anyway) {
  try {
    await call("PUT", `/api/v1/me/agenda/${slug}${anyway ? "?anyway=true" : ""}`);
  } catch (fault) {
    if (!(fault instanceof ApiError) || fault.code !== "clash") throw fault;
    ask(form, slug, fault.problem.clashes ?? []);
    return;
  }
  asked(form)?.remove();
  draw(form, true);
  announce(t("Added to your agenda."));
}

/** @param {HTMLFormElement} form */
const asked = (form) => document.getElementById(`ask-${form.dataset.agenda}`);

/** Show what is at the same time, before anything is added.
 * @param {HTMLFormElement} form @param {string} slug @param {{slug: string, title: string}[]} clashes */
function ask(form, slug, clashes) {
  asked(form)?.remove();
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const close = () => {
    asked(form)?.remove();
    button.focus();
  };
  const yes = el("button", { type: "button", class: "btn btn-small btn-primary", onclick: () => {
    put(form, slug, true).then(() => button.focus(), () => form.submit());
  } }, t("Add it anyway"));
  const box = el("div", { class: "clash-ask", id: `ask-${slug}`, role: "group", "aria-label": t("Two talks at the same time") },
    icon("warn"),
    el("p", {}, t("In your agenda at the same time:"), " ", el("b", { lang: "" }, clashes.map((one) => one.title).join("; "))),
    el("div", { class: "clash-ask-acts" }, yes,
      el("button", { type: "button", class: "btn btn-small", onclick: close }, t("Leave it out"))));
  (form.closest(".talk") ?? form.parentElement ?? form).append(box);
  announce(box.querySelector("p")?.textContent ?? "");
  yes.focus();
}

/** @param {HTMLFormElement} form @param {boolean} inside */
function draw(form, inside) {
  form.dataset.in = String(inside);
  form.action = `/me/agenda/${inside ? "remove" : "add"}`;
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  button.classList.toggle("is-in", inside);
  button.replaceChildren(icon(inside ? "check" : "plus"),
    el("span", {}, inside ? t("In my agenda") : t("Add to my agenda")));
  if (inside) button.append(el("span", { class: "vh" }, ": ", t("take it out")));
  // In the agenda itself a talk that was taken out stays, so that the same button puts it back.
}

// --- seats ---------------------------------------------------------------------------------

function liveSeats() {
  const places = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-live]")]);
  if (places.length === 0) return;
  const slugs = [...new Set(places.map((place) => place.dataset.live))].join(",");
  let etag = "";
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await call("GET", `/now.json?rooms=${encodeURIComponent(slugs)}`, { headers: etag ? { "If-None-Match": etag } : {} });
      if (answer.status !== 200) return;
      etag = answer.etag;
      const rows = new Map(answer.data.rooms.map((/** @type {{slug: string}} */ row) => [row.slug, row]));
      for (const place of places) seats(place, rows.get(place.dataset.live ?? ""));
    } catch {
      // What is shown stays; the next look tries again.
    }
  };
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
}

/** @param {HTMLElement} place @param {{status: string, inside: number|null, capacity: number}|undefined} row */
function seats(place, row) {
  if (row === undefined) return;
  if (place.dataset.status !== row.status) {
    place.dataset.status = row.status;
    place.firstElementChild?.replaceWith(statusBadge(row.status, statusWord(row.status)));
  }
  const count = place.querySelector(".room-count b");
  if (count) setText(count, row.inside === null ? "–" : number(row.inside));
}

// --- the feed's address ----------------------------------------------------------------------

function copyFeed() {
  const button = document.getElementById("copy-feed");
  if (button === null || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = /** @type {HTMLInputElement} */ (byId("feed"));
    try {
      await navigator.clipboard.writeText(field.value);
      announce(t("Copied."));
      button.replaceChildren(icon("check"), el("span", {}, t("Copied.")));
    } catch {
      field.select(); // not allowed: it is selected, to be copied by hand
    }
  });
}
