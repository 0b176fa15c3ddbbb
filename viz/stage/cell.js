// The right of the stage: the chosen unit at this step, as an equation, bars, arithmetic and a life.

const SHOWN_TERMS = 5;

class CellPanel {
  constructor(stage) {
    this.stage = stage;
    this.allTerms = false;
    this.root = element("aside", { class: "cell" });
  }

  get part() {
    return this.stage.focusedPart();
  }

  /** Lay out the panel for the focused model. */
  rebuild() {
    const { stage, part } = this;
    const { text } = stage.header;
    this.root.setAttribute("aria-label", text.cellTitle);
    this.where = span("facts");
    this.lines = Array.from({ length: 4 }, () => element("div"));
    this.why = element("h4");
    this.change = button("✎", "", () => stage.surgery.here(part, this.gate(), this.unit(), stage.state.step), { class: "change-here", hidden: !stage.surgery.given });
    this.terms = element("ol", { class: "terms" });
    this.more = element("button", { class: "more", onclick: () => this.toggleTerms() });
    this.result = div("result");
    this.bars = new Map(part.lanes.map((lane) => [lane.key, this.bar(lane)]));
    this.life = element("canvas", { role: "img" });
    this.lifeCursor = span("life-cursor");
    this.legend = span("legend");
    this.pins = element("ul", { class: "pins" });
    this.now = element("p", { class: "now" });
    this.table = div("values");
    this.values = element("details", {}, element("summary", {}, text.values), this.table);
    hear(this.values, "toggle", () => this.updateTable());
    refill(
      this.root,
      div("cell-head", element("h3", {}, text.cellTitle), this.where),
      this.modelTabs(),
      div("equation", ...this.lines),
      div("bars", ...[...this.bars.values()].map((bar) => bar.root)),
      div("why", this.why, this.change), this.terms, this.more, this.result,
      element("h4", {}, text.life, " ", this.legend),
      div("life", this.life, this.lifeCursor),
      this.pins, this.now, this.values,
    );
    this.drawLife();
    this.updatePins();
    this.update();
  }

  /** Which model's cell is shown, where there are several. */
  modelTabs() {
    const { stage } = this;
    const parts = stage.visibleParts();
    if (parts.length < 2) return null;
    const tabs = parts.map((part) =>
      element("button", { "aria-pressed": String(part === this.part), onclick: () => stage.focus(part.key) }, part.name),
    );
    return div("tabs", ...tabs);
  }

  /** A signal of the unit as a bar; pressing it opens the arithmetic behind it. */
  bar(lane) {
    const track = span("track");
    const length = span("length");
    const ghost = element("span", { class: "ghost", hidden: true });
    const value = span("value");
    track.append(length, ghost);
    if (this.stage.surgery.given) this.draggable(track, lane);
    const name = [element("b", {}, lane.symbol), span("name", lane.name), track, value];
    const opens = this.part.packed.includes(lane.key) || this.part.cell === "rnn";
    const root = opens
      ? element("button", { title: fill(this.stage.header.text.open, { name: lane.name }), onclick: () => this.stage.openGate(lane.key) }, ...name)
      : element("div", {}, ...name);
    return { root, length, ghost, value, lane };
  }

  /** Dragging along a bar sets the value there, for the chosen unit at this step. */
  draggable(track, lane) {
    const { stage } = this;
    track.classList.add("draggable");
    const set = (event, { left, width }, begins) => {
      const share = clamp((event.clientX - left) / width, 0, 1);
      const value = lane.kind === "gate" ? share : (2 * share - 1) * lane.high;
      stage.surgery.drag(this.part, lane.key, this.unit(), stage.state.step, Number(value.toFixed(3)), begins);
    };
    hear(track, "pointerdown", (down) => {
      let moved = false;
      const box = track.getBoundingClientRect(); // an answer replaces the bar while it is dragged
      const move = (event) => {
        if (!moved && Math.abs(event.clientX - down.clientX) <= DRAG_STARTS) return;
        set(event, box, !moved);
        moved = true;
      };
      const stop = () => {
        document.removeEventListener("pointermove", move);
        // The button around the bar opens the arithmetic; a drag does not.
        if (!moved) return;
        const swallow = (click) => click.stopPropagation();
        hear(document, "click", swallow, { capture: true });
        setTimeout(() => document.removeEventListener("click", swallow, { capture: true }));
      };
      hear(document, "pointermove", move);
      hear(document, "pointerup", stop, { once: true });
    });
  }

  unit() {
    return this.stage.state.units[this.part.key];
  }

  /** Everything that follows the step. */
  update() {
    const { stage, part } = this;
    const { text } = stage.header;
    const { step } = stage.state;
    const unit = this.unit();
    setText(this.where, fill(text.where, { t: step, unit }));
    const lines = EQUATIONS[part.cell](part, unit, step, (key, computed) => result(stage, part, key, unit, step, computed));
    this.lines.forEach((line, k) => setText(line, lines[k] ?? ""));
    for (const [key, bar] of this.bars) this.updateBar(bar, valueAt(part, key, unit, step));
    this.updateArithmetic(unit, step);
    this.moveLife(step);
    setText(this.now, sentenceNow(stage));
    if (this.values.open) this.updateTable();
  }

  updateBar({ root, length, ghost, value, lane }, number) {
    setText(value, formatNumber(number));
    const was = valueBefore(this.part, lane.key, this.unit(), this.stage.state.step);
    ghost.hidden = was === undefined;
    if (was !== undefined) {
      const place = lane.kind === "gate" ? was : 0.5 + was / lane.high / 2;
      ghost.style.left = `${100 * clamp(place, 0, 1)}%`;
      value.title = fill(this.stage.surgery.text.was, { value: formatNumber(was) });
    } else value.title = "";
    root.classList.toggle("open", lane.key === this.gate());
    if (root.tagName === "BUTTON") root.setAttribute("aria-pressed", String(lane.key === this.gate()));
    const gate = lane.kind === "gate";
    const share = Math.min(1, Math.abs(number) / lane.high) || 0;
    const [left, width] = gate ? [0, share] : number < 0 ? [0.5 - share / 2, share / 2] : [0.5, share / 2];
    length.style.left = `${100 * left}%`;
    length.style.width = `${100 * width}%`;
    length.style.background = this.stage.swatch(number, lane);
  }

  /** The gate whose arithmetic is open: the one last chosen, if this cell has it. */
  gate() {
    const { packed } = this.part;
    const { gate } = this.stage.state;
    return packed.includes(gate) ? gate : packed.includes("f") ? "f" : packed.includes("z") ? "z" : packed[0];
  }

  updateArithmetic(unit, step) {
    const { part, stage } = this;
    const { text } = stage.header;
    const gate = this.gate();
    const lane = laneOf(part, gate);
    const { terms, sum } = preactivation(part, gate, unit, step);
    const value = valueAt(part, gate, unit, step);
    const shown = this.allTerms ? terms : terms.slice(0, SHOWN_TERMS);
    if (stage.surgery.given) this.change.title = this.change.ariaLabel = fill(stage.surgery.text.here, { symbol: gate, unit });
    setText(this.why, fill(text.why, { name: lane.name, value: formatNumber(value) }));
    while (this.terms.childNodes.length > shown.length) this.terms.lastChild.remove();
    while (this.terms.childNodes.length < shown.length) this.terms.append(element("li", {}, element("b"), element("span")));
    shown.forEach((term, k) => {
      const [amount, product] = this.terms.childNodes[k].childNodes;
      setText(amount, (term.value < 0 ? "" : "+") + formatNumber(term.value));
      setText(product, describeTerm(part, term, unit));
      product.title = product.textContent;
    });
    const rest = terms.slice(shown.length);
    const restSum = formatNumber(rest.reduce((total, term) => total + term.value, 0));
    this.more.hidden = terms.length <= SHOWN_TERMS;
    setText(this.more, this.allTerms ? text.fewerTerms : fill(text.moreTerms, { n: rest.length, sum: restSum }));
    const squash = lane.kind === "gate" ? "σ" : part.nonlinearity === "relu" ? "relu" : "tanh";
    setText(this.result, `= ${formatNumber(sum)} → ${squash} = ${result(stage, part, gate, unit, step, SQUASHES[squash](sum))}`);
  }

  toggleTerms() {
    this.allTerms = !this.allTerms;
    this.update();
  }

  /** The unit over the whole sequence: what it holds, and the gate that keeps it. */
  drawLife() {
    const { part, stage } = this;
    const [width, height] = [this.now.clientWidth || 280, 74];
    const context = fitCanvas(this.life, width, height);
    const keys = part.cell === "lstm" ? ["c", "f"] : part.cell === "gru" ? ["h", "z"] : ["h"];
    context.strokeStyle = stage.palettes.theme.grid;
    context.beginPath();
    context.moveTo(0, height / 2);
    context.lineTo(width, height / 2);
    context.stroke();
    // What the unit holds is drawn last, over the gate that keeps it.
    if (part.original) {
      context.globalAlpha = 0.4;
      keys.forEach((key, k) => drawCurve(context, stage, part.original, key, this.unit(), width, height, k, true));
      context.globalAlpha = 1;
    }
    const entries = keys.map((_, k) => keys.length - 1 - k).map((k) =>
      drawCurve(context, stage, part, keys[k], this.unit(), width, height, k),
    );
    const ghost = part.original ? [span("facts", stage.surgery.text.ghost)] : [];
    refill(this.legend, ...entries.reverse(), ...ghost);
    this.lifeWidth = width;
    this.life.setAttribute("aria-label", fill(stage.header.text.lifeLabel, { unit: this.unit(), keys: keys.join(", ") }));
    this.moveLife(stage.state.step);
  }

  moveLife(step) {
    const x = ((step + 0.5) / this.stage.steps) * this.lifeWidth;
    this.lifeCursor.style.transform = `translateX(${x - 0.75}px)`;
  }

  /** Pinned cells with their differences from the first one. */
  updatePins() {
    const { stage } = this;
    const { text } = stage.header;
    const pins = stage.state.pins;
    const value = (pin) => valueAt(stage.part(pin.part), pin.key, pin.unit, pin.t);
    refill(
      this.pins,
      ...pins.map((pin, k) => {
        const difference = k ? `Δ ${formatNumber(value(pin) - value(pins[0]))}` : "";
        return element(
          "li",
          {},
          element("button", { class: "pin", onclick: () => stage.goToPin(pin), title: text.goToPin },
            element("i", {}, `${stage.part(pin.part).name} ${pin.key}`), ` [${pin.unit}] t = ${pin.t} `, element("b", {}, formatNumber(value(pin))), ` ${difference}`),
          button("×", text.unpin, () => stage.unpin(k)),
        );
      }),
    );
  }

  /** Every unit's values at this step, as a table that can be read and copied. */
  updateTable() {
    if (!this.values.open) return;
    const { part, stage } = this;
    const { step } = stage.state;
    const head = [stage.header.text.unit, ...part.lanes.map((lane) => lane.symbol)];
    const rows = Array.from({ length: part.units }, (_, unit) => [
      unit,
      ...part.lanes.map((lane) => (unit < lane.units ? formatNumber(valueAt(part, lane.key, unit, step), 4) : "")),
    ]);
    refill(this.table, plainTable(head, rows, fill(stage.header.text.valuesAt, { model: part.name, t: step })));
  }
}

const SQUASHES = { σ: (x) => 1 / (1 + Math.exp(-x)), tanh: Math.tanh, relu: (x) => Math.max(x, 0) };

/** A value of the model, or "0.713 · changed to 0.000" where it is not what its equation gives. */
function result(stage, part, key, unit, t, computed) {
  const value = formatNumber(valueAt(part, key, unit, t));
  if (!changedAt(stage, part, key, unit, t)) return value;
  return `${formatNumber(computed)} · ${fill(stage.surgery.text.made, { value })}`;
}

/** "U[13, 7] × h₇ = 1.42 × 0.92", with the feature's own name where it has one. */
function describeTerm(part, { kind, k, weight, factor, scale }, unit) {
  const by = scale === 1 ? "" : `${formatNumber(scale)} · `;
  if (kind === "b") return "b";
  if (kind === "bh") return `r · b = ${by}${formatNumber(weight)}`;
  const name = kind === "W" ? part.input_names?.[k] ?? `x${subscript(k)}` : `h${subscript(k)}`;
  const place = kind === "W" && part.input_names ? `“${name}”` : k;
  const r = scale === 1 ? "" : "r · ";
  if (kind === "W" && part.input_names && factor === 1) return `W[${unit}, ${place}]`;
  return `${r}${kind}[${unit}, ${place}] · ${name} = ${by}${formatNumber(weight, 2)} × ${formatNumber(factor, 2)}`;
}

const subscript = (number) => String(number).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);

/** The state equation of each cell with its numbers, a line each. */
const EQUATIONS = {
  lstm(part, unit, t, given) {
    const n = (key) => valueAt(part, key, unit, t);
    const [f, i, g, o, c, past] = [n("f"), n("i"), n("g"), n("o"), n("c"), carried(part, "c", unit, t)];
    const show = formatNumber;
    const name = part.weights.weight_hr ? "m" : "h";
    return [
      "c = f·c₋₁ + i·g",
      `  = ${show(f)} × ${show(past)} + ${show(i)} × ${show(g)}`,
      `  = ${show(f * past)} + ${show(i * g)} = ${given("c", f * past + i * g)}`,
      `${name} = o·tanh c = ${show(o)} × ${show(Math.tanh(c))} = ${name === "h" ? given("h", o * Math.tanh(c)) : show(o * Math.tanh(c))}`,
    ];
  },
  gru(part, unit, t, given) {
    const n = (key) => valueAt(part, key, unit, t);
    const [z, candidate, past] = [n("z"), n("n"), carried(part, "h", unit, t)];
    const show = formatNumber;
    return [
      "h = z·h₋₁ + (1 − z)·n",
      `  = ${show(z)} × ${show(past)} + ${show(1 - z)} × ${show(candidate)}`,
      `  = ${show(z * past)} + ${show((1 - z) * candidate)} = ${given("h", z * past + (1 - z) * candidate)}`,
    ];
  },
  rnn(part, unit, t, given) {
    const { W, U, b } = preactivationByKind(part, "h", unit, t);
    const show = formatNumber;
    const squash = part.nonlinearity;
    return [
      `h = ${squash}(W·x + U·h₋₁ + b)`,
      `  = ${squash}(${show(W)} + ${show(U)} + ${show(b)})`,
      `  = ${squash}(${show(W + U + b)}) = ${given("h", SQUASHES[squash](W + U + b))}`,
    ];
  },
};

/**
 * One signal of a unit over the sequence; gates on 0..1, signed values around the middle.
 * Returns its entry in the legend.
 */
function drawCurve(context, stage, part, key, unit, width, height, place, ghost = false) {
  const lane = laneOf(part, key);
  const values = Array.from({ length: part.steps }, (_, t) => valueAt(part, key, unit, t));
  const largest = values.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 1e-6);
  const colour = stage.palettes.theme.curves[place];
  const y = (value) =>
    lane.kind === "gate" ? height - 3 - value * (height - 6) : height / 2 - (value / largest) * (height / 2 - 3);
  context.strokeStyle = colour;
  context.lineWidth = place || ghost ? 1 : 1.5;
  context.setLineDash(place ? [3, 2] : []);
  context.beginPath();
  values.forEach((value, t) => context.lineTo(((t + 0.5) / part.steps) * width, y(value)));
  context.stroke();
  context.setLineDash([]);
  const range = lane.kind === "gate" ? "0…1" : `±${formatNumber(largest, 2)}`;
  return element("span", { style: `color:${colour}` }, element("i", {}, lane.symbol), ` ${range}`);
}
