/** The pass says its time in the reader's zone too, where that is another than the fair's. */

import { byId, setText } from "../dom.js";
import { ownZone, t, timeForm } from "../i18n.js";

export function start() {
  const line = document.querySelector(".pass-yours");
  const fair = document.documentElement.dataset.zone || "UTC";
  if (line instanceof HTMLElement && ownZone() !== fair) {
    const { starts, ends } = line.dataset;
    const form = timeForm({ dateStyle: "medium", timeStyle: "short" });
    setText(line, t("Where you are: {time}", { time: form.formatRange(new Date(starts ?? ""), new Date(ends ?? "")) }));
    line.hidden = false;
  }
  const number = document.getElementById("f-number");
  if (number) resident();
}

/** A resident identity card is Chinese: nothing to choose. */
function resident() {
  const country = /** @type {HTMLSelectElement} */ (byId("f-country"));
  const row = country.closest(".field");
  const show = () => {
    const chosen = document.querySelector('input[name="kind"]:checked');
    if (row instanceof HTMLElement) row.hidden = chosen instanceof HTMLInputElement && chosen.value === "resident_id";
  };
  for (const choice of document.querySelectorAll('input[name="kind"]')) choice.addEventListener("change", show);
  show();
}
