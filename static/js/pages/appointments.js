/** Pages of appointments: the reader's own time beside the fair's; a time of one's own choice is
 * chosen by writing it. */

import { ownTimes } from "../times.js";

export function start() {
  ownTimes();
  const own = /** @type {HTMLInputElement|null} */ (document.getElementById("pick-own"));
  for (const field of document.querySelectorAll("[data-own-fields] :is(input, select)")) {
    field.addEventListener("input", () => {
      if (own) own.checked = true;
    });
  }
  // Who follows a link to one appointment finds it, wherever it stands.
  const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
  target?.scrollIntoView({ block: "nearest" });
}
