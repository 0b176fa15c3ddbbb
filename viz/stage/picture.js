// The button below a figure that saves it as an SVG: what the browser has drawn already, put
// together. Plotly's camera knows one kind of picture, and a telephone shows no camera.

const SVG = "http://www.w3.org/2000/svg";

/** The last figure that stands before `node`, in the smallest box around both. */
function figureBefore(node) {
  const before = (plot) => plot.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING;
  for (let box = node; box; box = box.parentElement) {
    const found = [...box.querySelectorAll(".js-plotly-plot")].filter(before);
    if (found.length) return found.at(-1);
  }
  return null;
}

/** The layers of a figure as one picture, on the figure's own background. */
function pictureOf(figure) {
  const layers = [...figure.querySelectorAll(".main-svg")];
  const [width, height] = ["width", "height"].map((name) => layers[0].getAttribute(name));
  const picture = document.createElementNS(SVG, "svg");
  const back = document.createElementNS(SVG, "rect");
  back.setAttribute("fill", getComputedStyle(layers[0]).backgroundColor);
  for (const node of [picture, back]) {
    node.setAttribute("width", width);
    node.setAttribute("height", height);
  }
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.append(back, ...layers.flatMap((layer) => [...layer.cloneNode(true).childNodes]));
  for (const node of picture.querySelectorAll(".hoverlayer, .drag, .nsewdrag")) node.remove();
  // Another program may have other fonts, whose letters are wider: a legend is not cut off there.
  for (const node of picture.querySelectorAll(".legend [clip-path]")) node.removeAttribute("clip-path");
  return new XMLSerializer().serializeToString(picture);
}

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  button.querySelector("b").textContent = data.label;
  button.title = data.help;
  button.onclick = () => {
    const root = parentElement.getRootNode();
    const figure = figureBefore(root.host ?? parentElement);
    if (!figure) return;
    const url = URL.createObjectURL(new Blob([pictureOf(figure)], { type: "image/svg+xml" }));
    const link = document.createElement("a");
    Object.assign(link, { href: url, download: data.file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
}
