// A rectangle of units and steps that a person drags over a heat map, and where changes were made.

class Brush {
  constructor(score, place) {
    Object.assign(this, { score, begin: place, end: place });
    this.box = score.boxes.find(({ lane }) => lane.part.key === place.part && lane.spec.key === place.key);
  }

  /** Follow the pointer, which may leave the lane. */
  move(event) {
    const { box, score } = this;
    const y = event.clientY - score.root.getBoundingClientRect().top;
    const row = Math.floor(((y - box.top) / box.height) * box.lane.spec.units);
    this.end = { t: score.pointer.stepAt(event, false), row: clamp(row, 0, box.lane.spec.units - 1) };
  }

  /** Rows from top to bottom and steps, ends included. */
  span() {
    const { begin, end, box } = this;
    const first = box.order.indexOf(begin.unit);
    const last = end.row ?? first;
    return { rows: [Math.min(first, last), Math.max(first, last)], steps: [Math.min(begin.t, end.t), Math.max(begin.t, end.t)] };
  }

  finish() {
    const { rows, steps } = this.span();
    const { lane, order } = this.box;
    const { stage } = this.score;
    const part = stage.part(lane.part.key);
    const spec = laneOf(part, lane.spec.key);
    stage.surgery.brushed(part, spec, order.slice(rows[0], rows[1] + 1), steps[0], steps[1] + 1);
  }

  draw(context, stage, width) {
    const { rows, steps } = this.span();
    outline(context, stage, this.box, rows, [steps[0], steps[1] + 1], width, true);
  }
}

/** A frame around rows and steps of a lane. */
function outline(context, stage, { top, height, lane }, [first, last], [from, to], width, filled) {
  const { view, palettes } = stage;
  const column = width / view.count;
  const thick = height / lane.spec.units;
  const left = Math.max(0, (from - view.from) * column);
  const right = Math.min(width, (to - view.from) * column);
  if (right <= 0 || left >= width) return;
  const box = [left + 0.75, top + first * thick + 0.75, Math.max(right - left - 1.5, 1), Math.max((last - first + 1) * thick - 1.5, 1)];
  if (filled) {
    context.fillStyle = stage.light;
    context.fillRect(...box);
  }
  context.lineWidth = 3;
  context.strokeStyle = stage.paper;
  context.strokeRect(...box);
  context.lineWidth = 1.5;
  context.strokeStyle = palettes.theme.accent;
  context.strokeRect(...box);
}

/** Frames around what is changed in a lane. */
function drawChanges(context, stage, box, width) {
  const { part, spec } = box.lane;
  const here = (change) =>
    change.on !== false && change.signal === spec.key && change.model === part.model &&
    (change.layer === undefined || change.layer === part.layer) && (change.direction ?? 0) === Number(part.reverse);
  for (const change of stage.surgery.items.filter(here)) {
    const spans = spansOf(change, stage.steps);
    for (const rows of runs(change.units?.map((unit) => box.order.indexOf(unit)) ?? [0, spec.units - 1], !change.units)) {
      for (const [from, to] of spans) outline(context, stage, box, rows, [from, to], width);
    }
  }
}

/** Rows as runs of neighbours; `whole` where they are the first and the last of one run. */
function runs(rows, whole) {
  if (whole) return [rows];
  const found = [];
  for (const row of rows.filter((each) => each >= 0).sort((a, b) => a - b)) {
    if (found.length && row === found.at(-1)[1] + 1) found.at(-1)[1] = row;
    else found.push([row, row]);
  }
  return found;
}
