// The part of the time axis that the lanes show: all of it where it fits, else a window.

const SMALLEST_COLUMN = 7; // CSS pixels a step takes before the time axis becomes a window
const SMALLEST_ON_A_PHONE = 6;
const PHONE = 500;
const SMALLEST_ZOOMED = 2; // and when a person asks for more steps
const FEWEST = 8; // steps in the closest zoom

class TimeWindow {
  constructor() {
    Object.assign(this, { from: 0, count: 1, steps: 1, wanted: 0 });
  }

  /** A new sequence; `wanted` is what a person zoomed to, 0 where the width decides. */
  open(steps, keepZoom) {
    this.steps = steps;
    if (!keepZoom) this.wanted = 0;
  }

  /** Fit to `width` CSS pixels around `step`. */
  fit(width, step) {
    const smallest = width < PHONE ? SMALLEST_ON_A_PHONE : SMALLEST_COLUMN;
    const fits = Math.max(FEWEST, Math.floor(width / smallest));
    const most = Math.max(fits, Math.floor(width / SMALLEST_ZOOMED));
    const count = this.wanted ? clamp(this.wanted, FEWEST, most) : fits;
    this.count = Math.min(count, this.steps);
    this.follow(step);
  }

  /** Move so that `step` keeps a margin; a step far outside comes to the middle. True if moved. */
  follow(step) {
    const margin = Math.min(Math.floor(this.count * 0.2), 20);
    let { from } = this;
    if (step < from || step >= from + this.count) from = step - Math.floor(this.count / 2);
    from = Math.min(from, step - margin);
    from = Math.max(from, step - this.count + 1 + margin);
    return this.moveTo(from);
  }

  /** Start at `from` as far as the sequence allows; true if that moved anything. */
  moveTo(from) {
    const old = this.from;
    this.from = clamp(from, 0, this.steps - this.count);
    return this.from !== old;
  }

  zoom(factor) {
    this.wanted = Math.round(clamp(this.count * factor, FEWEST, this.steps));
  }
}
