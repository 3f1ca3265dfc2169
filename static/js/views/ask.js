/** Small questions in a dialog of the browser's own kind: focus kept inside, Escape cancels. */

import { el } from "../dom.js";
import { t } from "../i18n.js";

/**
 * @param {string} title @param {string} text
 * @param {{label?: string, confirm?: string, value?: string, maxlength?: number}} [options]
 * @returns {Promise<string|null>} what was typed, or null when cancelled
 */
export function askReason(title, text, options = {}) {
  return new Promise((resolve) => {
    const opener = /** @type {HTMLElement|null} */ (document.activeElement);
    const input = el("input", { id: "ask-text", name: "text", maxlength: options.maxlength ?? 200, value: options.value ?? "", autocomplete: "off" });
    const dialog = el("dialog", { "aria-labelledby": "ask-title" },
      el("form", { method: "dialog" },
        el("h2", { id: "ask-title" }, title), el("p", { class: "muted" }, text),
        el("div", { class: "field ask-field" }, el("label", { for: "ask-text" }, options.label ?? t("Reason (may be empty)")), input),
        el("div", { class: "actions" },
          el("button", { class: "btn btn-primary", value: "yes" }, options.confirm ?? t("Confirm")),
          el("button", { class: "btn", value: "no", formnovalidate: true }, t("Cancel")))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      opener?.focus();
      resolve(dialog.returnValue === "yes" ? input.value.trim() : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
