/** The header's menus: Escape, another click or going on closes what is open. Without scripts they
 * open and close by their own button. */

/** @param {Node|null} except within which nothing is closed */
function close(except) {
  for (const menu of document.querySelectorAll("details.drop[open]")) {
    if (except === null || !menu.contains(except)) menu.removeAttribute("open");
  }
}

export function menus() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.drop[open]");
    if (open === null) return;
    const inside = open.contains(document.activeElement);
    close(null);
    if (inside) open.querySelector("summary")?.focus();
  });
  document.addEventListener("click", (event) => close(/** @type {Node} */ (event.target)));
  document.addEventListener("focusin", (event) => close(/** @type {Node} */ (event.target)));
}
