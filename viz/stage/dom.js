// Small helpers around the document. Text from users only ever becomes text nodes.

/** An element with properties, attributes ("aria-…", "data-…", "role") and children. */
function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  if (tag === "button") node.type = "button"; // and not the submit of a form
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list" && name !== "role") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const made = (tag) => (name, ...children) => element(tag, { class: name }, ...children);
const [span, div] = ["span", "div"].map(made);

/** Put `children` in the place of what a node holds; those that are not there are left out. */
const refill = (node, ...children) => node.replaceChildren(...children.filter(Boolean));

/** A canvas that tells a screen reader nothing. */
const picture = () => element("canvas", { "aria-hidden": "true" });

const hear = (node, kind, act, options) => node.addEventListener(kind, act, options);

/** A button that shows `label` and is called `name`. */
const button = (label, name, onclick, properties = {}) =>
  element("button", { title: name, "aria-label": name, onclick, ...properties }, label);

/** Write text only where it changed, so that a step touches little of the page. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A canvas sized for the screen's pixel density; returns its context in CSS pixels. */
function fitCanvas(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** `text` with the pieces between \u0002 and \u0003 as <strong>. */
function emphasised(text) {
  return text.split(/(\u0002[^\u0003]*\u0003)/).map((piece) =>
    piece.startsWith("\u0002") ? element("strong", {}, element("bdi", {}, piece.slice(1, -1))) : piece,
  );
}
