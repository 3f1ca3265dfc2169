/** The directory and a company's page: filters and stars without leaving the page. */

import { announce } from "../announce.js";
import { call } from "../api.js";
import { fresh } from "../fresh.js";
import { t } from "../i18n.js";
import { bell } from "../ring/bell.js";

export function start() {
  const ring = /** @type {HTMLElement|null} */ (document.querySelector("[data-ring-company]"));
  if (ring) bell.offer(ring);
  const filter = /** @type {HTMLFormElement|null} */ (document.getElementById("firm-filter"));
  // Another page for each step of an arrow key would take the field away under the fingers.
  filter?.addEventListener("change", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (field.name !== "q") void narrow(filter);
  });
  filter?.addEventListener("submit", () => {
    // Fields left empty make no part of the address that is shared.
    for (const field of filter.querySelectorAll("input, select")) {
      const input = /** @type {HTMLInputElement} */ (field);
      if (!input.value) input.disabled = true;
    }
  });
  // Coming back by the history, the page may be shown as it was left.
  addEventListener("pageshow", () => {
    for (const field of filter?.querySelectorAll("input, select") ?? []) {
      /** @type {HTMLInputElement} */ (field).disabled = false;
    }
  });
  addEventListener("popstate", () => filter && location.reload());
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.dataset.favour === undefined) return;
    event.preventDefault();
    void favour(form);
  });
}

let asked = 0;

/** What fits the filter as it now stands takes the place of what is shown; the field keeps the
 * focus. Where that fails the form is sent. @param {HTMLFormElement} filter */
async function narrow(filter) {
  const mine = ++asked;
  const where = new URLSearchParams();
  for (const [name, value] of new FormData(filter)) {
    if (typeof value === "string" && value !== "") where.append(name, value);
  }
  const url = `${filter.getAttribute("action")}${where.size ? `?${where}` : ""}`;
  const page = await fresh(url);
  if (mine !== asked) return; // a newer choice is on its way
  const found = page?.getElementById("firm-found");
  const shown = document.getElementById("firm-found");
  if (!page || !found || !shown) return filter.requestSubmit();
  recount(filter, page);
  shown.replaceChildren(...document.adoptNode(found).childNodes);
  history.pushState(null, "", url);
  announce(document.getElementById("firm-count")?.textContent ?? "");
}

/** The numbers beside the choices, and how many are made. @param {HTMLFormElement} filter @param {Document} page */
function recount(filter, page) {
  const made = page.querySelector("#firm-filter .fold-count");
  if (made) filter.querySelector(".fold-count")?.replaceWith(document.adoptNode(made));
  for (const select of filter.querySelectorAll("select")) {
    const next = /** @type {HTMLSelectElement|null} */ (page.getElementById(select.id));
    const chosen = select.value;
    if (next === null || ![...next.options].some((option) => option.value === chosen)) continue;
    select.replaceChildren(...document.adoptNode(next).childNodes);
    select.value = chosen;
  }
  for (const box of filter.querySelectorAll("label.check")) {
    const name = box.querySelector("input")?.name ?? "";
    const next = page.querySelector(`#firm-filter input[name="${CSS.escape(name)}"] + span`);
    if (next) box.querySelector("span")?.replaceWith(document.adoptNode(next));
  }
}

/** @param {HTMLFormElement} form */
async function favour(form) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const keep = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(keep));
  button.value = keep ? "" : "1";
  try {
    await call(keep ? "PUT" : "DELETE", `/api/v1/me/favourites/${form.dataset.favour}`);
    announce(keep ? t("Kept in your favourites.") : t("No longer in your favourites."));
  } catch {
    button.setAttribute("aria-pressed", String(!keep));
    button.value = keep ? "1" : "";
    announce(t("That did not work. Try again."));
  }
}
