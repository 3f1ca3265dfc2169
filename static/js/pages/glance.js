/** The fair at a glance, without reloading: the page is fetched again and the live parts taken over. */

const EVERY_MS = 5_000;

/** @returns {Promise<Document|null>} the page as it is now; parsed by the browser, never run */
function fresh() {
  return new Promise((resolve) => {
    const ask = new XMLHttpRequest();
    ask.open("GET", location.pathname + location.search);
    ask.responseType = "document";
    ask.timeout = 10_000;
    ask.onloadend = () => resolve(ask.status === 200 ? ask.responseXML : null);
    ask.send();
  });
}

async function refresh() {
  if (document.hidden) return;
  const page = await fresh();
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
