/** What news a page shows: pure, so that it can be tested. Messages are those of GET /news. */

/** @typedef {{id: string, text: string, lang: string, until: number, room: string, starts: string}} Item */

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
          if (!item.starts && !ids.has(item.id)) changed = this.items.delete(item.id) || changed;
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
    return { id: one.id, text, lang, until: Date.parse(one.until), room: "", starts: "" };
  }

  /** @param {any} one @returns {Item} */
  reminder(one) {
    const titles = { ...one.titles };
    const [text, lang] = Object.keys(titles).some((tag) => tag.split("-")[0] === this.language.split("-")[0])
      ? pick(titles, this.language)
      : [one.title, ""];
    const starts = Date.parse(one.starts_at);
    return { id: one.id, text, lang, until: starts + 5 * 60_000, room: one.room, starts: one.starts_at };
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
