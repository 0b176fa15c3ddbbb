// What runs along the time axis and is no heat map: tokens or numbers, answers, the overview.

const HIGHEST_LABEL = 84; // CSS pixels of a label that stands on end

/** How wide labels are in their font's size: a function, the usual width, and the largest. */
function labelWidths(context, { header, fonts }) {
  if (header.widths) return header.widths;
  const known = new Map();
  const width = (label) => {
    if (!known.has(label)) {
      context.font = `100px ${fonts.mono}`;
      known.set(label, context.measureText(label).width / 100);
    }
    return known.get(label);
  };
  const sorted = header.glyphs.map(width).sort((a, b) => a - b);
  return (header.widths = { width, usual: sorted[Math.floor(sorted.length * 0.9)], largest: sorted.at(-1) });
}

/** Every which label is drawn, how large, and whether on end: whichever way shows more of them. */
function labelLayout({ usual, largest }, column) {
  const gap = usual < 1.1 ? 1 : 3;
  const all = (usual < 0.7 ? 8 : 10) * usual + gap <= column;
  const every = all ? 1 : Math.ceil((10 * usual + 4) / column);
  const onEnd = Math.ceil(10 / column);
  if (gap === 1 || every <= onEnd) {
    return { every, size: Math.min(13, (every * column - (all ? gap : 4)) / usual), height: 24, room: Math.max(110, column - 6), apart: all && gap === 1 ? 0 : 1.4 };
  }
  const size = Math.min(12, onEnd * column - 1);
  const room = Math.min(HIGHEST_LABEL, largest * size + 2);
  return { every: onEnd, size, height: room + 6, room, apart: 0, upright: true };
}

/** `text` as far as it fits; `share` of it does. */
function cutLabel(text, share) {
  const letters = [...text];
  return share >= 1 ? text : `${letters.slice(0, Math.max(1, Math.floor(letters.length * share) - 1)).join("")}…`;
}

/**
 * The symbols of the sequence: as many as can be read, always that of the step, those that are
 * flagged or ask, and what was changed; none over another.
 */
function drawTokens(canvas, stage, width, height) {
  const { header, view, palettes, state, surgery } = stage;
  if (!header.glyphs) return drawNumbers(fitCanvas(canvas, width, height), stage, width, height);
  const column = width / view.count;
  const widths = labelWidths(canvas.getContext("2d"), stage);
  const layout = labelLayout(widths, column);
  const { every, size, height: high, room, apart, upright } = layout;
  const context = fitCanvas(canvas, width, high);
  const replaced = surgery.mode === "original" ? {} : surgery.given?.replaced ?? {};
  const texts = Array.from({ length: view.count }, (_, k) => {
    const text = replaced[view.from + k] ?? header.glyphs[view.from + k];
    return [text, widths.width(text) * size];
  });
  context.font = `${size}px ${stage.fonts.mono}`;
  const taken = [];
  stage.cursor = null;
  const label = (t) => {
    const [mark, now, other] = [header.marks[t], t === state.step, t in replaced];
    const [text, long] = texts[t - view.from];
    const across = upright ? size + 1 : Math.min(long, room);
    const wide = across > column + 0.1;
    const box = Math.max(column, across + (mark || other ? 1.8 : 3));
    const half = (mark || other || (now && wide) ? box : across) / 2 + apart;
    const place = (t - view.from + 0.5) * column;
    const fits = clamp(place, half, width - half);
    const free = taken.every(([left, right]) => fits + half <= left + 0.1 || fits - half >= right - 0.1);
    const frame = [free ? fits : place, high / 2, free ? box : column, high - 2];
    if (mark) {
      context.fillStyle = mark === "flag" ? palettes.theme.accent : stage.ink;
      roundedBox(context, ...frame);
      context.fill();
    }
    if (free) {
      taken.push([fits - half, fits + half]);
      context.fillStyle = mark ? stage.paper : now ? stage.ink : stage.muted;
      drawLabel(context, cutLabel(text, room / long), fits, layout);
      if (now && wide) stage.cursor = [fits - box / 2, box];
    }
    if (other) ring(context, stage, ...frame);
  };
  const shown = texts.map((_, k) => view.from + k);
  const turn = (t) => (t === state.step ? 0 : header.marks[t] || t in replaced || (stage.score.memory && t === state.asked) ? 1 : t % every ? 3 : 2);
  for (const now of [0, 1, 2]) shown.filter((t) => turn(t) === now).forEach(label);
}

function drawLabel(context, text, x, { height, room, upright }) {
  Object.assign(context, { textAlign: upright ? "left" : "center", textBaseline: "middle" });
  context.save();
  context.translate(x, upright ? height - 3 : height / 2 + 0.5);
  if (upright) context.rotate(-Math.PI / 2);
  context.fillText(text, 0, 0, room);
  context.restore();
}

function roundedBox(context, x, y, width, height) {
  context.beginPath();
  context.roundRect(x - width / 2, y - height / 2, width, height, 3);
}

/** A frame in the colour of attention: this is other than it was. */
function ring(context, stage, x, y, width, height) {
  context.strokeStyle = stage.palettes.theme.accent;
  context.lineWidth = 2;
  roundedBox(context, x, y, width, height);
  context.stroke();
}

/** A sequence of numbers: one line a channel, each on its own range. */
function drawNumbers(context, stage, width, height) {
  const { header, view } = stage;
  const [steps, channels] = header.values.shape;
  const column = width / view.count;
  for (let channel = 0; channel < Math.min(channels, 8); channel++) {
    const values = Array.from({ length: steps }, (_, t) => at(header.values, t, channel));
    const finite = values.filter(Number.isFinite);
    const [low, high] = [Math.min(...finite), Math.max(...finite)];
    context.strokeStyle = `hsl(${(205 + channel * 47) % 360} 55% 50%)`;
    context.beginPath();
    for (let t = view.from; t < view.from + view.count; t++) {
      const y = height - 3 - ((values[t] - low) / (high - low || 1)) * (height - 6);
      context.lineTo((t - view.from + 0.5) * column, y);
    }
    context.stroke();
  }
}

/** What the model says at each step, and how likely it held the right answer. */
function drawAnswers(canvas, stage, part, width, height) {
  const context = fitCanvas(canvas, width, height);
  const { view, palettes } = stage;
  const column = width / view.count;
  const bars = part.asksEveryStep ? 9 : 0;
  const middle = (height - bars) / 2;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `600 ${Math.min(13, Math.max(7, column * 1.35))}px ${stage.fonts.mono}`;
  for (let t = view.from; t < view.from + view.count; t++) {
    const x = (t - view.from + 0.5) * column;
    if (part.target.data[t] < 0) {
      context.fillStyle = palettes.theme.faint;
      context.fillRect(x - 0.75, middle - 0.75, 1.5, 1.5);
      continue;
    }
    drawAnswer(context, stage, part, t, x, middle, column, height - bars);
    if (bars) drawShare(context, stage, part.correct.data[t], x, column, height, bars);
  }
}

/** One answer: right ones filled, wrong ones outlined. */
function drawAnswer(context, stage, part, t, x, middle, column, height) {
  const { palettes } = stage;
  const right = part.says.data[t] === part.target.data[t];
  const glyph = part.classes[part.says.data[t]] ?? "·";
  const box = part.asksEveryStep ? column - 1 : Math.max(column, 15);
  if (!part.asksEveryStep || right) {
    context.fillStyle = right ? palettes.theme.right : stage.paper;
    context.strokeStyle = palettes.theme.wrong;
    context.lineWidth = 1.5;
    roundedBox(context, x, middle, box - 1, height - 3);
    context.fill();
    if (!right) context.stroke();
  }
  context.fillStyle = right ? stage.paper : part.asksEveryStep ? stage.muted : palettes.theme.wrong;
  if (column >= 4.5 || !part.asksEveryStep) context.fillText(glyph, x, middle + 0.5);
  if (!flipped(part, t)) return;
  ring(context, stage, x, middle, box + 2, height - 1);
  if (part.asksEveryStep) return;
  context.fillStyle = stage.muted;
  context.fillText(`${part.classes[part.original.says.data[t]]}→`, x - box / 2 - 14, middle + 0.5);
}

/** A bar as high as the probability that the right answer was given. */
function drawShare(context, stage, share, x, column, height, bars) {
  const width = Math.max(1, column - 1.5);
  context.fillStyle = stage.palettes.theme.faint;
  context.fillRect(x - width / 2, height - 1, width, 1);
  context.fillStyle = stage.palettes.theme.right;
  context.fillRect(x - width / 2, height - share * bars, width, share * bars);
}

/** The cell state of the first model over the whole sequence, drawn once: it may be very long. */
function overviewStrip(stage, width, height) {
  const strip = document.createElement("canvas");
  const context = fitCanvas(strip, width, height);
  const lanes = stage.score.shownLanes();
  const lane = lanes.find((each) => each.spec.key === "c") ?? lanes.at(-1);
  context.imageSmoothingEnabled = true;
  if (lane) context.drawImage(lane.bitmap, 0, 0, lane.part.steps, lane.spec.units, 0, 2, width, height - 4);
  return strip;
}

/** The strip with a frame around what the lanes show, and the step. */
function drawOverview(canvas, strip, stage, width, height) {
  const context = fitCanvas(canvas, width, height);
  context.drawImage(strip, 0, 0, width, height);
  const scale = width / stage.steps;
  const [left, size] = [stage.view.from * scale, Math.max(6, stage.view.count * scale)];
  context.fillStyle = stage.veil;
  context.fillRect(0, 0, left, height);
  context.fillRect(left + size, 0, width, height);
  context.strokeStyle = stage.ink;
  context.lineWidth = 1.5;
  context.strokeRect(left + 0.75, 0.75, Math.min(size, width - left) - 1.5, height - 1.5);
  context.fillStyle = stage.palettes.theme.accent;
  context.fillRect((stage.state.step + 0.5) * scale - 1, 0, 2, height);
}
