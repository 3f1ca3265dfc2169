/** The directory and a company's page: filters apply at once, stars without reloading. */

import { announce } from "../announce.js";
import { call } from "../api.js";
import { t } from "../i18n.js";

export function start() {
  const filter = /** @type {HTMLFormElement|null} */ (document.getElementById("firm-filter"));
  filter?.addEventListener("change", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (field.name !== "q") filter.requestSubmit();
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
  for (const form of document.querySelectorAll("form[data-favour]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      favour(/** @type {HTMLFormElement} */ (form));
    });
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
