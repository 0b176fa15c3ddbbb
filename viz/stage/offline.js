// The stage on a page of its own: it takes the payload from the page and shows it.

/** The bytes that the page carries as text. */
function carriedBytes() {
  const text = atob(document.getElementById("payload").textContent);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes;
}

const carried = carriedBytes();
const showCarried = () => showStage({ data: carried, parentElement: document.getElementById("stage") });
showCarried();
// The colours of the canvas are not CSS: they are chosen again when the reader's theme changes.
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showCarried);
