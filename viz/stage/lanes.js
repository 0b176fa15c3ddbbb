// One heat map: units down, time across, one pixel a cell in a bitmap that is scaled when drawn.

class Lane {
  /** `part` is the model, `spec` the signal's entry in the payload. */
  constructor(part, spec) {
    Object.assign(this, { part, spec, bitmap: document.createElement("canvas") });
    this.bitmap.width = part.steps;
    this.bitmap.height = spec.units;
    this.canvas = picture();
  }

  /** The range of a row: the lane's own, or that of the row's largest value. */
  range(unit, perUnit) {
    const { spec, part } = this;
    if (!perUnit || spec.kind === "gate") return [spec.low, spec.high];
    let largest = 0;
    for (let t = 0; t < part.steps; t++) {
      const size = Math.abs(at(spec.values, t, unit));
      if (Number.isFinite(size) && size > largest) largest = size;
    }
    return [-(largest || 1), largest || 1];
  }

  /** Fill the bitmap; `order` lists the units from top to bottom. */
  build(order, palettes, perUnit) {
    const { part, spec } = this;
    const context = this.bitmap.getContext("2d");
    const image = context.createImageData(part.steps, spec.units);
    const pixels = new Uint32Array(image.data.buffer);
    order.forEach((unit, row) => {
      const [low, high] = this.range(unit, perUnit);
      for (let t = 0, place = row * part.steps; t < part.steps; t++, place++) {
        pixels[place] = pixel(at(spec.values, t, unit), low, high, palettes[spec.kind], palettes);
      }
    });
    context.putImageData(image, 0, 0);
  }

  /** Draw the steps [from, from + count) into the lane's canvas. */
  draw(from, count, width, height) {
    const context = fitCanvas(this.canvas, width, height);
    const crowded = this.spec.units > height * (window.devicePixelRatio || 1);
    context.imageSmoothingEnabled = crowded;
    context.drawImage(this.bitmap, from, 0, count, this.spec.units, 0, 0, width, height);
  }
}

/** Units from top to bottom: by index, by how much h moves, or by passive time constant. */
function unitOrder(part, sort) {
  const units = Array.from({ length: part.units }, (_, unit) => unit);
  const score = sort === "activity" ? part.activity : sort === "tau" ? part.tau : null;
  if (!score) return units;
  return units.sort((a, b) => score.data[b] - score.data[a] || a - b);
}
