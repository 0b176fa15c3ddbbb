// Unpacks what a page from disk carries, and runs the stage with it: the numbers and the script lie
// in the page as deflated text.

const inflated = async (id) => {
  const text = atob(document.getElementById(id).textContent);
  const packed = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

/** The payload again: viz/compact.py sorts the bytes of its numbers by their place in the number. */
const inOrder = (data) => {
  const start = 4 + new DataView(data.buffer).getUint32(0, true);
  const count = (data.length - start) / 4;
  const whole = data.slice();
  for (let place = 0; place < 4; place++)
    for (let k = 0; k < count; k++) whole[start + 4 * k + place] = data[start + count * place + k];
  return whole;
};

const unpack = async () => {
  const [numbers, code] = await Promise.all([inflated("payload"), inflated("code")]);
  globalThis.stagePayload = inOrder(numbers);
  const script = document.createElement("script");
  script.type = "module";
  script.textContent = new TextDecoder().decode(code);
  document.body.append(script);
};

if ("DecompressionStream" in globalThis) unpack();
else document.getElementById("too-old").hidden = false;
