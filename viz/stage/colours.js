// Numbers to colours. The stops and the ranges come from viz/style.py through the payload.

const parseHex = (hex) => [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));

/** 256 packed colours between the hex stops, one 32-bit pixel each. */
function makePalette(stops) {
  const colours = stops.map(parseHex);
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const place = (level / 255) * (colours.length - 1);
    const left = Math.min(Math.floor(place), colours.length - 2);
    const mix = colours[left].map((v, k) => v + (colours[left + 1][k] - v) * (place - left));
    return pack(mix);
  });
}

const pack = ([r, g, b]) => (255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r);

/** The palettes of a theme: gates, signed values, and the marks of what they cannot show. */
function makePalettes(colours, dark) {
  const theme = colours[dark ? "dark" : "light"];
  return {
    gate: makePalette(colours.sequential),
    signed: makePalette(theme.diverging),
    gradient: { gate: gradient(colours.sequential), signed: gradient(theme.diverging) },
    beyond: { low: pack(parseHex(theme.beyond[0])), high: pack(parseHex(theme.beyond[1])) },
    missing: pack(parseHex(colours.missing)),
    theme,
  };
}

const gradient = (stops) => `linear-gradient(to right, ${stops.join(",")})`;

/** The pixel for `value` on the range [low, high]. */
function pixel(value, low, high, levels, palettes) {
  if (!Number.isFinite(value)) return palettes.missing;
  if (value > high) return palettes.beyond.high;
  if (value < low) return palettes.beyond.low;
  return levels[Math.round((255 * (value - low)) / (high - low))];
}

/** Whether a CSS colour is dark; the theme reaches us only as CSS variables. */
function isDark(colour) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  probe.fillStyle = colour || "#ffffff";
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}
