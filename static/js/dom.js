/** Small hands for the page. Text always goes in as text, never as markup. */

const SVG = "http://www.w3.org/2000/svg";
const BASE = document.documentElement.dataset.static ?? "";

/**
 * An element. `on…` properties are listeners, `class` and `data-…`, `aria-…` attributes,
 * true an empty attribute, null and false nothing.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) node.append(child);
  return node;
}

/** @param {string} name @param {string} [extra] @returns {SVGSVGElement} */
export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${BASE}/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Point an icon at another symbol. @param {Element|null} svg @param {string} name */
export function setIcon(svg, name) {
  const use = svg?.querySelector("use");
  const href = `${BASE}/icons.svg#${name}`;
  if (use && use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/**
 * The element with this id. Raises when the template lacks it.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`#${id} is missing`);
  return /** @type {T} */ (node);
}

/** Change text only when it differs: a screen reader hears changes. @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A bar of parts, each with a share of `whole`. @param {{cls: string, n: number}[]} parts
 * @param {number} whole @param {number} [mark] @returns {SVGSVGElement} */
export function bar(parts, whole, mark) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "fill");
  svg.setAttribute("viewBox", "0 0 100 6");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const rect = (/** @type {string} */ cls, /** @type {number} */ x, /** @type {number} */ width) => {
    const node = document.createElementNS(SVG, "rect");
    node.setAttribute("class", cls);
    node.setAttribute("x", x.toFixed(2));
    node.setAttribute("width", Math.max(0, width).toFixed(2));
    node.setAttribute("height", "6");
    svg.append(node);
  };
  rect("fill-free", 0, 100);
  let x = 0;
  const scale = 100 / Math.max(1, whole);
  for (const { cls, n } of parts) {
    const width = Math.min(n * scale, 100 - x);
    rect(cls, x, width);
    x += width;
  }
  if (mark !== undefined && mark > 0 && mark < whole) rect("fill-mark", mark * scale - 0.5, 1);
  return svg;
}

/** A line of points in a box of 100 by 20. @param {string} points @returns {SVGSVGElement} */
export function sparkline(points) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 -1 100 22");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", points);
  line.setAttribute("vector-effect", "non-scaling-stroke");
  svg.append(line);
  return svg;
}

/** Words and icons of a room's state. @param {string} status @param {string} word */
export function statusBadge(status, word) {
  return el("span", { class: `status status-${status}` }, icon(`st-${status}`), el("span", {}, word));
}
