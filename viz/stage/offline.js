// The stage on a page of its own: it takes the payload that unpack.js left and shows it.

{
  const data = globalThis.stagePayload;
  const show = () => showStage({ data, parentElement: document.getElementById("stage") });
  show();
  // The colours of a canvas are not CSS: they are chosen again when the reader's theme changes.
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}
