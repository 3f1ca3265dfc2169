/** What a person chose, kept on this device. */

const KEY = "pavilion.settings";

const DEFAULTS = {
  name: "",
  microphone: "", camera: "", speaker: "",
  microphoneOn: true, cameraOn: true,
  shortcuts: true, sounds: true, announceHands: true, hideSelf: false,
  announcePeople: false, microphoneHints: true, still: false,
};

/** @typedef {typeof DEFAULTS} Settings */

/** @returns {Settings} */
function read() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { ...DEFAULTS }; // storage forbidden or damaged: the defaults do
  }
}

export const settings = read();

/** @param {Partial<Settings>} change */
export function save(change) {
  Object.assign(settings, change);
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Private windows may refuse storage; the choice holds for this visit.
  }
}

/** "Less movement" holds on every page, beside the system's own wish. */
export function applyMotion() {
  document.documentElement.toggleAttribute("data-still", settings.still);
}

/** Per tab: survives a reload, not the closing of the tab. */
export const tab = {
  /** @param {string} key @returns {string} */
  get(key) {
    try {
      return sessionStorage.getItem(`pavilion.${key}`) ?? "";
    } catch {
      return "";
    }
  },
  /** @param {string} key @param {string} value empty: forget */
  set(key, value) {
    try {
      if (value) sessionStorage.setItem(`pavilion.${key}`, value);
      else sessionStorage.removeItem(`pavilion.${key}`);
    } catch {
      // Without storage a reload asks again; nothing else is lost.
    }
  },
};
