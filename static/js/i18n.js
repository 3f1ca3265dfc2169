/** Texts in the page's language. The id of a text is its English form; `{name}` marks a value. */

/** @type {Record<string, string | string[]>} */
let texts = {};
let rules = new Intl.PluralRules(document.documentElement.lang || "en");

/** Load the catalogue that the page names; without it the texts stay English. */
export async function loadTexts() {
  const url = document.documentElement.dataset.texts;
  if (!url) return;
  try {
    const answer = await fetch(url);
    if (answer.ok) texts = (await answer.json()).texts;
  } catch {
    texts = {}; // offline between page and catalogue: English is better than nothing
  }
  rules = new Intl.PluralRules(document.documentElement.lang || "en");
}

/** @param {string} text @param {Record<string, string|number>} values */
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

/**
 * A text. @param {string} message @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function t(message, values = {}) {
  const found = texts[message] ?? message;
  return fill(typeof found === "string" ? found : found[0], values);
}

/**
 * A text with a number in it. @param {string} one @param {string} many @param {number} n
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function tn(one, many, n, values = {}) {
  const found = texts[one];
  const forms = Array.isArray(found) ? found : [one, many];
  const single = forms.length > 1 && rules.select(n) === "one";
  return fill(single ? forms[0] : forms[forms.length - 1], { n: number(n), ...values });
}

/** @param {number} n */
export function number(n) {
  return new Intl.NumberFormat(document.documentElement.lang || "en").format(n);
}

/** The one way in which scripts write times: by 24 hours in every language, as the server does.
 * @param {Intl.DateTimeFormatOptions} options what of a moment, in which zone */
export function timeForm(options) {
  return new Intl.DateTimeFormat(document.documentElement.lang || "en", { hourCycle: "h23", ...options });
}

/** The IANA name of the reader's zone. */
export const ownZone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** A moment in the reader's zone. @param {string} iso @returns {string} */
export function moment(iso) {
  return timeForm({ dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** The same in the fair's zone, zone named. @param {string} iso @returns {string} */
export function fairMoment(iso) {
  return timeForm({
    month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
    timeZone: document.documentElement.dataset.zone || "UTC", timeZoneName: "short",
  }).format(new Date(iso));
}

/** Hour and minute. @param {string} iso */
export function clock(iso) {
  return timeForm({ hour: "2-digit", minute: "2-digit" }).format(new Date(iso));
}

/**
 * A span as 1:02:03 or 2:03. @param {number} ms
 */
export function span(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const [d, h, m] = [Math.floor(s / 86_400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (d > 0) return tn("{n} day {time}", "{n} days {time}", d, { time: `${h}:${two(m)}:${two(s % 60)}` });
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}
