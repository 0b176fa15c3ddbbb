// The pointer on the score: hover reads a cell, a click pins it, a drag scrubs; with Shift, or while
// the panel of changes is open, a drag over a heat map chooses what to change.

const DRAG_STARTS = 4; // pixels before a press counts as a drag

class ScorePointer {
  constructor(score) {
    this.score = score;
    const { root } = score;
    hear(root, "pointerdown", (event) => this.down(event));
    hear(root, "pointermove", (event) => this.move(event));
    hear(root, "pointerup", (event) => this.up(event));
    hear(root, "pointercancel", () => this.release());
    hear(root, "pointerleave", () => this.leave());
    hear(root, "wheel", (event) => this.wheel(event), { passive: false });
  }

  /** Where an event falls: step, and the cell or track under it. `null` off the time axis. */
  locate(event) {
    const { score } = this;
    const origin = score.root.getBoundingClientRect();
    const [x, y] = [event.clientX - origin.left - score.left, event.clientY - origin.top];
    if (x < 0 || x >= score.width) return null;
    const inside = ({ top, height }) => y >= top && y < top + height;
    const strip = !score.overviewRow.hidden && score.overview.contains(event.target);
    const place = { x, y, t: this.stepAt(event, strip), strip };
    const box = score.boxes.find(inside);
    if (box) {
      const row = Math.min(Math.floor(((y - box.top) / box.height) * box.lane.spec.units), box.lane.spec.units - 1);
      Object.assign(place, { part: box.lane.part.key, key: box.lane.spec.key, unit: box.order[row] });
    }
    place.track = score.tracks.find(inside);
    return box || place.track || strip ? place : null;
  }

  /** The step under an event wherever it is: a drag may leave the row in which it began. */
  stepAt(event, strip) {
    const { score } = this;
    const { stage } = score;
    const x = event.clientX - score.root.getBoundingClientRect().left - score.left;
    const share = clamp(x / score.width, 0, 1);
    const step = strip ? share * stage.steps : stage.view.from + share * stage.view.count;
    return Math.min(Math.floor(step), stage.steps - 1);
  }

  down(event) {
    if (event.button !== 0 || event.target.closest("button,select,summary")) return;
    const place = this.locate(event);
    if (!place) return;
    this.press = { x: event.clientX, y: event.clientY, place, dragging: false, brushes: this.brushes(event, place) };
    if (place.track || place.strip) this.drag(event, place);
  }

  move(event) {
    if (this.press) {
      if (this.press.brushes) return this.sweep(event);
      if (Math.abs(event.clientX - this.press.x) > DRAG_STARTS) this.press.dragging = true;
      const { strip } = this.press.place;
      if (this.press.dragging) this.drag(event, { t: this.stepAt(event, strip), strip });
      return;
    }
    if (event.pointerType !== "touch") this.hover(this.locate(event));
  }

  /** Whether a drag from here chooses what to change. */
  brushes(event, place) {
    const { surgery } = this.score.stage;
    return Boolean(surgery.given && place.key && (surgery.open || event.shiftKey));
  }

  sweep(event) {
    const { press, score } = this;
    const far = Math.max(Math.abs(event.clientX - press.x), Math.abs(event.clientY - press.y));
    if (!this.brush && far <= DRAG_STARTS) return;
    if (!this.brush) score.root.setPointerCapture(event.pointerId);
    this.brush ??= new Brush(score, press.place);
    press.dragging = true;
    this.brush.move(event);
    this.hover(null);
    score.stage.schedule();
  }

  drag(event, place) {
    const { root, stage } = this.score;
    if (!root.hasPointerCapture(event.pointerId)) root.setPointerCapture(event.pointerId);
    this.press.dragging = true;
    stage.goTo(place.t, { follow: place.strip });
    this.hover(null);
  }

  up() {
    const { press, brush } = this.release();
    if (brush) return brush.finish();
    if (!press || press.dragging) return;
    const { part, key, unit, t } = press.place;
    if (key) this.score.stage.pin({ part, key, unit, t });
  }

  /** Forget the press; what arrived meanwhile is shown after what it leads to. */
  release() {
    const { press, brush } = this;
    this.press = this.brush = null;
    if (press?.brushes) queueMicrotask(() => this.score.stage.flush());
    return { press, brush };
  }

  leave() {
    if (!this.press) this.hover(null);
  }

  /** Ctrl and wheel zooms the time axis; a sideways wheel moves along it. */
  wheel(event) {
    const { stage } = this.score;
    if (event.ctrlKey) stage.zoom(event.deltaY > 0 ? 1.25 : 0.8);
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) stage.scrollBy(Math.sign(event.deltaX) * 3);
    else return;
    event.preventDefault();
  }

  hover(place) {
    const { stage, tip } = this.score;
    const shown = place && (place.key || place.track?.part);
    stage.setHover(shown ? { part: place.part ?? null, unit: place.unit ?? null, key: place.key, t: place.t } : null);
    tip.hidden = !shown;
    if (!shown) return;
    setText(tip, place.key ? describeCell(stage, place) : describeAnswer(stage, place.track.part, place.t));
    const flip = place.x > this.score.width - 220;
    tip.style.left = `${this.score.left + place.x + (flip ? -14 : 14)}px`;
    tip.style.top = `${place.y + 16}px`;
    tip.style.transform = flip ? "translateX(-100%)" : "";
  }
}
