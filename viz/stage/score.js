// The left of the stage: models as groups of lanes on one time axis, one cursor through all.

const OVERVIEW_HEIGHT = 22; // CSS pixels, like the one below
const SPOKEN = 300; // tokens that a screen reader is given at once
const NUMBERS_HEIGHT = 44;

class Score {
  constructor(stage) {
    this.stage = stage;
    this.groups = [];
    this.tokens = element("canvas", { role: "img" });
    this.overview = picture();
    this.overlay = element("canvas", { class: "overlay", "aria-hidden": "true" });
    this.tip = element("div", { class: "tip", role: "tooltip", hidden: true });
    this.body = div("groups");
    this.root = div("score");
    this.pointer = new ScorePointer(this);
  }

  get text() {
    return this.stage.header.text;
  }

  /** Lay out the DOM for the models shown; called when they or the payload change. */
  rebuild() {
    const { stage } = this;
    this.groups = stage.shownParts().map((part) => this.group(part));
    this.overviewRow = this.row("overview", this.text.overview, this.overview);
    this.tokens.setAttribute("aria-label", this.sequenceInWords());
    this.tokensRow = this.row("tokens", this.text.input, this.tokens);
    refill(this.body, ...this.groups.map((group) => group.root));
    this.memory = stage.shownParts().some((part) => part.memory) ? new MemoryRow(stage) : null;
    const rows = [this.overviewRow, this.tokensRow, this.body, this.memory?.root, this.overlay, this.tip];
    refill(this.root, ...rows);
    this.paint();
  }

  /** The sequence for those who do not see the canvas; a long one is cut. */
  sequenceInWords() {
    const { glyphs, marks, text } = this.stage.header;
    if (!glyphs) return text.input;
    const words = glyphs.slice(0, SPOKEN).map((glyph, t) => (marks[t] === "flag" ? `!${glyph}` : glyph));
    return `${text.input}: ${words.join(" ")}${glyphs.length > SPOKEN ? " …" : ""}`;
  }

  row(kind, label, canvas) {
    return div(`row ${kind}`, span("label", label), canvas);
  }

  /** One model: its heading, its lanes, its answers. */
  group(part) {
    const drawn = this.stage.drawn(part);
    const lanes = drawn.lanes.map((spec) => this.stage.lane(drawn, spec));
    const answers = part.says ? picture() : null;
    const root = element("section", { class: "group", "data-part": part.key, "aria-label": part.name });
    const rows = lanes.map((lane) => this.laneRow(lane));
    root.append(groupHeading(this.stage, part), ...rows);
    if (answers) root.append(this.row("answers", part.asksEveryStep ? this.text.next : this.text.answer, answers));
    return { part, lanes, rows, answers, root };
  }

  laneRow(lane) {
    const { spec, part } = lane;
    const id = `${part.key}.${spec.key}`;
    const folded = this.stage.state.folded.has(id);
    const label = element(
      "button",
      { class: "label lane-label", "aria-expanded": String(!folded), "aria-label": `${spec.name} ${spec.symbol}`, title: `${spec.name} ${spec.symbol}\n${spec.equation}`,
        onclick: () => this.stage.toggleFold(id) },
      span("name", spec.name), " ", element("i", {}, spec.symbol),
    );
    if (!folded) label.append(this.colourBar(lane));
    const row = element("div", { class: `row lane${folded ? " folded" : ""}`, "data-lane": id }, label);
    if (!folded) row.append(lane.canvas, this.resizer(id, spec.name));
    hear(label, "keydown", (event) => this.resizeByKey(event, id));
    return row;
  }

  /** The lane's range as a small colour bar with its two numbers. */
  colourBar({ spec }) {
    const { palettes } = this.stage;
    const bar = span("bar");
    bar.style.background = palettes.gradient[spec.kind];
    const decimals = spec.kind === "gate" ? 0 : spec.high < 0.1 ? 3 : spec.high < 10 ? 1 : 0;
    const note = [spec.beyond ? fill(this.text.beyond, { n: spec.beyond }) : "", spec.missing ? fill(this.text.missing, { n: spec.missing }) : ""];
    return element(
      "span",
      { class: "range", title: note.filter(Boolean).join("\n") },
      formatNumber(spec.low, decimals), bar, formatNumber(spec.high, decimals),
      spec.missing ? element("b", { class: "warn" }, " ⚠") : spec.beyond ? element("span", {}, "+") : null,
    );
  }

  /** The lower edge of a lane, to drag. */
  resizer(id, name) {
    const grow = (pixels) => this.stage.resizeLane(id, pixels);
    const words = fill(this.text.resize, { name });
    const handle = element("div", { class: "resizer", title: words, "aria-hidden": "true" });
    hear(handle, "pointerdown", (event) => {
      event.stopPropagation();
      handle.setPointerCapture(event.pointerId);
      let last = event.clientY;
      handle.onpointermove = (move) => {
        grow(move.clientY - last);
        last = move.clientY;
      };
    });
    hear(handle, "pointerup", () => (handle.onpointermove = null));
    return handle;
  }

  /** Shift with Up or Down on a lane's label resizes the lane. */
  resizeByKey(event, id) {
    if (!event.shiftKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    this.stage.resizeLane(id, event.key === "ArrowUp" ? -8 : 8);
  }

  shownLanes() {
    return this.groups.flatMap((group) => group.lanes.filter((_, k) => !group.rows[k].classList.contains("folded")));
  }

  /** A pixel a unit where that is enough; the cell state, which is the memory, gets more. */
  laneHeight(lane) {
    const set = this.stage.state.heights[`${lane.part.key}.${lane.spec.key}`];
    const least = lane.spec.key === "c" ? 76 : 54;
    return set ?? (lane.spec.units > least ? Math.min(lane.spec.units, 96) : least);
  }

  /** Measure, then draw everything that does not change with the step. */
  paint() {
    const { stage } = this;
    const left = stage.narrow ? 0 : 104;
    this.left = left;
    this.width = Math.max(120, this.root.clientWidth - left);
    stage.view.fit(this.width, stage.state.step);
    const { from, count } = stage.view;
    for (const lane of this.shownLanes()) lane.draw(from, count, this.width, this.laneHeight(lane));
    this.drawTracks();
    this.overviewRow.hidden = count >= stage.steps;
    fitCanvas(this.overview, this.width, OVERVIEW_HEIGHT);
    this.strip = this.overviewRow.hidden ? null : overviewStrip(stage, this.width, OVERVIEW_HEIGHT);
    this.measure();
    this.drawOverlay();
  }

  drawTracks() {
    const { stage, width } = this;
    for (const { answers, part } of this.groups) {
      if (answers) drawAnswers(answers, stage, part, width, part.asksEveryStep ? 28 : 20);
    }
    this.memory?.draw(width);
    this.drawSequence();
  }

  /** What is read; which symbols have room depends on the step. */
  drawSequence() {
    drawTokens(this.tokens, this.stage, this.width, NUMBERS_HEIGHT);
  }

  /** Draw the lanes and tracks again after the window over the time axis moved. */
  drawWindow() {
    const { from, count } = this.stage.view;
    for (const { lane, height } of this.boxes) lane.draw(from, count, this.width, height);
    this.drawTracks();
  }

  /** Remember where each lane and track lies, so that a step reads no layout. */
  measure() {
    const origin = this.root.getBoundingClientRect();
    const box = (canvas) => {
      const place = canvas.getBoundingClientRect();
      return { top: place.top - origin.top, height: place.height };
    };
    this.boxes = this.groups.flatMap(({ lanes, rows }) =>
      lanes.flatMap((lane, k) => (rows[k].classList.contains("folded") ? [] : [{ lane, ...box(lane.canvas) }])),
    );
    this.tracks = [{ kind: "tokens", ...box(this.tokens) }];
    for (const { answers, part } of this.groups) if (answers) this.tracks.push({ kind: "answers", part, ...box(answers) });
    if (this.memory) this.tracks.push({ kind: "memory", ...box(this.memory.canvas) });
    this.left = this.tokens.getBoundingClientRect().left - origin.left;
    this.height = this.root.clientHeight;
    this.overlay.style.left = `${this.left}px`;
    for (const each of this.boxes) each.order = this.stage.order(each.lane.part);
  }

  /** What moves with the step: the faded future, the cursor, the chosen unit, hover and pins. */
  drawOverlay() {
    const { stage, width } = this;
    const { state, view } = stage;
    const context = fitCanvas(this.overlay, width, this.height);
    const column = width / view.count;
    const x = (t) => (t - view.from) * column;
    if (state.fade) this.fadeFuture(context, x(state.step + 1));
    if (stage.surgery.mode !== "original") for (const box of this.boxes) drawChanges(context, stage, box, width);
    for (const box of this.boxes) this.drawUnit(context, box);
    if (state.hover) this.drawHover(context, x(state.hover.t), column);
    this.pointer.brush?.draw(context, stage, width);
    for (const pin of state.pins) this.drawPin(context, pin, x(pin.t), column);
    context.strokeStyle = stage.ink;
    context.lineWidth = 1.5;
    for (const { kind, top, height } of [...this.tracks, ...this.boxes]) {
      const [left, wide] = (kind === "tokens" && stage.cursor) || [x(state.step), Math.max(column, 3)];
      context.beginPath();
      context.roundRect(left - 0.5, top - 1, wide + 1, height + 2, 2);
      context.stroke();
    }
    if (this.strip) drawOverview(this.overview, this.strip, stage, width, OVERVIEW_HEIGHT);
  }

  fadeFuture(context, left) {
    if (left >= this.width) return;
    context.fillStyle = this.stage.veil;
    for (const { top, height } of [...this.boxes, ...this.tracks.filter((track) => track.kind === "answers")]) {
      context.fillRect(Math.max(0, left), top, this.width - Math.max(0, left), height);
    }
  }

  /** A dashed frame around the chosen unit's row. */
  drawUnit(context, { lane, top, height, order }) {
    const unit = this.stage.state.units[lane.part.key];
    const row = order.indexOf(unit);
    if (row < 0 || row >= lane.spec.units) return;
    const thick = height / lane.spec.units;
    context.setLineDash([4, 3]);
    context.lineWidth = 1;
    for (const [offset, colour] of [[0, this.stage.ink], [3.5, this.stage.paper]]) {
      context.lineDashOffset = offset;
      context.strokeStyle = colour;
      context.strokeRect(0.5, top + row * thick - 1, this.width - 1, thick + 2);
    }
    context.setLineDash([]);
  }

  /** The cell under the pointer: its time in every lane, its unit in every lane of its model. */
  drawHover(context, left, column) {
    const { hover } = this.stage.state;
    context.fillStyle = this.stage.light;
    for (const { lane, top, height, order } of this.boxes) {
      context.fillRect(left, top, column, height);
      if (hover.part !== lane.part.key || hover.unit === null) continue;
      const thick = height / lane.spec.units;
      const y = top + order.indexOf(hover.unit) * thick;
      context.fillRect(0, y, this.width, thick);
      context.strokeStyle = this.stage.ink;
      context.lineWidth = 1;
      context.strokeRect(left - 0.5, y - 0.5, column + 1, thick + 1);
    }
  }

  drawPin(context, pin, left, column) {
    const box = this.boxes.find(({ lane }) => lane.part.key === pin.part && lane.spec.key === pin.key);
    if (!box || left < 0 || left > this.width) return;
    const thick = box.height / box.lane.spec.units;
    const y = box.top + (box.order.indexOf(pin.unit) + 0.5) * thick;
    context.beginPath();
    context.arc(left + column / 2, y, 5, 0, 7);
    context.lineWidth = 3;
    context.strokeStyle = this.stage.paper;
    context.stroke();
    context.lineWidth = 1.5;
    context.strokeStyle = this.stage.palettes.theme.accent;
    context.stroke();
  }
}
