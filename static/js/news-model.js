/** What news a page shows: pure, so that it can be tested. Messages are those of GET /news. */

/** @typedef {{id: string, kind: string, text: string, lang: string, until: number, href: string, starts: string, party: string, state: string}} Item
 * `kind`: announcement, reminder, invited, call or appointment. `starts`: when it begins, or "". */

const HOUR_MS = 3_600_000;

/**
 * The reader's language, else one of its kind, else the first there is.
 * @param {Record<string, string>} texts @param {string} language @returns {[string, string]} text, tag
 */
export function pick(texts, language) {
  if (texts[language]) return [texts[language], language];
  const kind = language.split("-")[0];
  const found = Object.entries(texts).find(([tag]) => tag.split("-")[0] === kind) ?? Object.entries(texts)[0];
  return found ? [found[1], found[0]] : ["", language];
}

export class Kept {
  /** @param {string} language @param {string[]} dismissed */
  constructor(language, dismissed) {
    this.language = language;
    this.gone = new Set(dismissed);
    /** @type {Map<string, Item>} */
    this.items = new Map();
  }

  /** @param {any} message @param {number} now @returns {boolean} whether anything changed */
  take(message, now) {
    switch (message.type) {
      case "current": {
        const ids = new Set(message.announcements.map((/** @type {any} */ one) => one.id));
        let changed = false;
        for (const item of [...this.items.values()]) {
          if (item.kind === "announcement" && !ids.has(item.id)) changed = this.items.delete(item.id) || changed;
        }
        for (const one of message.announcements) changed = this.add(this.announcement(one), now) || changed;
        return changed;
      }
      case "announcement":
        return this.add(this.announcement(message), now);
      case "withdrawn":
        return this.items.delete(message.id);
      case "reminder":
        return this.add(this.reminder(message), now);
      case "invited":
      case "call":
      case "appointment":
        return this.add(personal(message, now), now);
      default:
        return false;
    }
  }

  /** @param {Item} item @param {number} now */
  add(item, now) {
    if (this.gone.has(item.id) || this.items.has(item.id) || item.until <= now || !item.text) return false;
    this.items.set(item.id, item);
    return true;
  }

  /** @param {any} one @returns {Item} */
  announcement(one) {
    const [text, lang] = pick(one.texts, this.language);
    return { id: one.id, text, lang, until: Date.parse(one.until), kind: "announcement", href: "", starts: "", party: "", state: "" };
  }

  /** @param {any} one @returns {Item} */
  reminder(one) {
    const titles = { ...one.titles };
    const [text, lang] = Object.keys(titles).some((tag) => tag.split("-")[0] === this.language.split("-")[0])
      ? pick(titles, this.language)
      : [one.title, ""];
    const starts = Date.parse(one.starts_at);
    return { id: one.id, text, lang, until: starts + 5 * 60_000, kind: "reminder", href: `/rooms/${one.room}`, starts: one.starts_at, party: "", state: "" };
  }

  /** @param {number} now @returns {boolean} */
  expire(now) {
    let changed = false;
    for (const item of [...this.items.values()]) {
      if (item.until <= now) changed = this.items.delete(item.id) || changed;
    }
    return changed;
  }

  /** @param {string} id */
  dismiss(id) {
    this.gone.add(id);
    this.items.delete(id);
  }

  /** @returns {Item[]} oldest first */
  shown() {
    return [...this.items.values()];
  }
}

/** What is for one person. Of an appointment each change is news of its own.
 * @param {any} one @param {number} now @returns {Item} */
function personal(one, now) {
  const starts = one.starts_at ?? "";
  if (one.type === "appointment") {
    const state = one.reminder ? "reminder" : one.state;
    const until = Math.max(now + HOUR_MS, one.reminder ? 0 : Date.parse(starts));
    return { id: `${one.id}.${state}.${starts}`, kind: "appointment", text: one.subject, lang: "", until, href: one.url, starts, party: one.party, state };
  }
  const href = `/negotiations/${one.room}`;
  const invited = one.type === "invited";
  return {
    id: `${one.type}.${one.id ?? one.room}`, kind: one.type, text: invited ? one.subject : one.room, lang: "",
    until: now + (invited ? HOUR_MS : 60_000), href, starts, party: invited ? one.by : "", state: "",
  };
}
