/** The fair at a glance, without reloading: the page is fetched again and the live parts taken over. */

import { fresh } from "../fresh.js";

const EVERY_MS = 5_000;

async function refresh() {
  if (document.hidden) return;
  const page = await fresh(location.pathname + location.search);
  if (page === null) return;
  for (const part of document.querySelectorAll("[data-live]")) {
    const name = part.getAttribute("data-live") ?? "";
    const next = page.querySelector(`[data-live="${CSS.escape(name)}"]`);
    if (next === null || part.contains(document.activeElement)) continue;
    if (!part.isEqualNode(next)) part.replaceChildren(...document.adoptNode(next).childNodes);
  }
}

export function start() {
  const again = async () => {
    await refresh();
    setTimeout(again, EVERY_MS);
  };
  setTimeout(again, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);
}
