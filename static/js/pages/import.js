/** An import under way: its bar moves; when it is over, the page shows what came of it. */

import { byId } from "../dom.js";
import { number } from "../i18n.js";

const EVERY_MS = 1_000;

export function start() {
  const section = document.getElementById("import-progress");
  if (section) watch(section.dataset.url ?? "");
}

/** @param {string} url */
function watch(url) {
  const bar = /** @type {HTMLProgressElement} */ (byId("import-bar"));
  const count = byId("import-count");
  const timer = setInterval(async () => {
    let job;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      job = await answer.json();
    } catch {
      return; // the network is away: the next look will tell
    }
    bar.max = Math.max(1, job.rows_total);
    bar.value = job.rows_done;
    count.textContent = `${number(job.rows_done)} / ${number(job.rows_total)}`;
    if (job.state !== "waiting" && job.state !== "running") {
      clearInterval(timer);
      location.reload();
    }
  }, EVERY_MS);
}
