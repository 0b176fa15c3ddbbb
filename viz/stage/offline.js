// The stage on a page of its own: it takes the payload from the page and shows it.

{
  const text = atob(document.getElementById("payload").textContent);
  const data = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) data[k] = text.charCodeAt(k);
  const show = () => showStage({ data, parentElement: document.getElementById("stage") });
  show();
  // The colours of a canvas are not CSS: they are chosen again when the reader's theme changes.
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}
