// The payload that viz/payload.py writes: header length, JSON header, float32 numbers.

/** The header with every {"$": [offset, ...shape]} replaced by {data, shape}. */
function decodePayload(bytes) {
  const whole = bytes.slice(); // the bytes may arrive at an address that is no multiple of four
  const length = new DataView(whole.buffer, whole.byteOffset).getUint32(0, true);
  const floats = new Float32Array(whole.buffer, whole.byteOffset + 4 + length);
  return JSON.parse(new TextDecoder().decode(whole.subarray(4, 4 + length)), (_, value) => {
    if (!value || !Array.isArray(value.$)) return value;
    const [offset, ...shape] = value.$;
    const size = shape.reduce((a, b) => a * b, 1);
    return { data: floats.subarray(offset, offset + size), shape };
  });
}

/** The number at [row, column] of a decoded array. */
const at = (array, row, column = 0) => array.data[row * (array.shape[1] ?? 1) + column];

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** `template` with each {name} replaced by its field. */
const fill = (template, fields = {}) =>
  template.replace(/\{(\w+)\}/g, (whole, name) => fields[name] ?? whole);

/** A number for people: fixed decimals, a true minus, words for what is not finite. */
function formatNumber(value, decimals = 3) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size >= 1e4 ? size.toExponential(2) : size.toFixed(decimals);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

/** A share as a percentage that never rounds up to certainty. */
function formatPercent(share) {
  const percent = 100 * share;
  if (percent > 99.9 && percent < 100) return "> 99.9 %";
  return `${percent.toFixed(1).replace(/\.0$/, "")} %`;
}
