/** Starts the page: texts first, then the module of this page. */

import { loadTexts } from "./i18n.js";
import { menus } from "./menus.js";
import { applyMotion } from "./settings.js";

const PAGES = /** @type {Record<string, () => Promise<{start: () => void | Promise<void>}>>} */ ({
  home: () => import("./pages/home.js"),
  programme: () => import("./pages/programme.js"),
  room: () => import("./pages/room.js"),
  negotiation: () => import("./pages/negotiation.js"),
  desk: () => import("./pages/desk.js"),
  companies: () => import("./pages/companies.js"),
  company: () => import("./pages/companies.js"),
  glance: () => import("./pages/glance.js"),
  import: () => import("./pages/import.js"),
  pass: () => import("./pages/pass.js"),
  gate: () => import("./pages/gate.js"),
  appointments: () => import("./pages/appointments.js"),
  resultform: () => import("./pages/resultform.js"),
});

applyMotion();
menus();
const load = PAGES[document.body.dataset.page ?? ""];
if (load) {
  const [page] = await Promise.all([load(), loadTexts()]);
  await page.start();
  document.documentElement.dataset.ready = "true";
}
// The page comes first; news may be a moment later.
const news = await import("./news.js");
news.startNews(load !== undefined);
