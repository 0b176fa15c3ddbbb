// What runs along the time axis and is no heat map: tokens or numbers, answers, the overview.

/** The glyphs of the sequence, or its words; a flagged one and a question stand out. */
function drawTokens(canvas, stage, width, height) {
  const { header, view, palettes } = stage;
  const words = header.glyphs?.some((glyph) => glyph[2]);
  // Words stand on end, so that a step may be narrower than its word.
  if (words) height = 76;
  const context = fitCanvas(canvas, width, height);
  const column = width / view.count;
  if (!header.glyphs) return drawNumbers(context, stage, width, height);
  context.textAlign = words ? "left" : "center";
  context.textBaseline = "middle";
  context.font = `${Math.min(13, Math.max(7, words ? column - 2 : column * 1.35))}px ${stage.fonts.mono}`;
  const replaced = stage.surgery.mode === "original" ? {} : stage.surgery.given?.replaced ?? {};
  for (let t = view.from; t < view.from + view.count; t++) {
    const [x, mark] = [(t - view.from + 0.5) * column, header.marks[t]];
    const box = [x, height / 2, Math.max(column, 11), height - 2];
    const glyph = replaced[t] ?? header.glyphs[t];
    if (mark) {
      context.fillStyle = mark === "flag" ? palettes.theme.accent : stage.ink;
      roundedBox(context, ...box);
      context.fill();
    }
    context.fillStyle = mark ? stage.paper : stage.muted;
    if (words) {
      context.save();
      context.translate(x, height - 3);
      context.rotate(-Math.PI / 2);
      context.fillText(glyph[14] ? `${glyph.slice(0, 13)}…` : glyph, 0, 0, height - 6);
      context.restore();
    } else if (column >= 4.5 || mark) context.fillText(glyph, x, height / 2 + 0.5);
    if (t in replaced) ring(context, stage, ...box);
  }
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
