// The stage: one payload in, then stepping, playing, hovering and drilling without a server.

const NARROW = 640; // CSS pixels; below, one model at a time

class Stage {
  constructor(host) {
    this.state = {
      step: 0, models: [], units: {}, focus: null, gate: null, sort: "index", fade: true, perUnit: false,
      asked: 0, speed: 1, playing: false, pins: [], hover: null, folded: new Set(), heights: {},
    };
    this.view = new TimeWindow();
    this.address = new Address(this);
    this.root = element("div", { class: "lstm-stage", tabIndex: 0, "data-testid": "stage", role: "group" });
    this.sentence = element("p", { class: "sentence" });
    this.live = element("div", { class: "unseen", "aria-live": "polite", role: "status" });
    this.tabs = div("tabs part-tabs");
    this.transport = new Transport(this);
    this.score = new Score(this);
    this.cell = new CellPanel(this);
    this.surgery = new Surgery(this);
    const left = div("left", this.transport.root, this.tabs, this.score.root);
    this.root.append(this.sentence, this.surgery.root, div("columns", left, this.cell.root), this.live);
    host.append(this.root);
    this.listen();
  }

  listen() {
    this.onKey = (event) => this.key(event);
    hear(document, "keydown", this.onKey, true);
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.root);
  }

  /** Take everything down; the stage is not used again. */
  destroy() {
    document.removeEventListener("keydown", this.onKey, true);
    this.observer.disconnect();
    for (const timer of [this.timer, this.liveTimer]) clearTimeout(timer);
    this.address.stop();
    this.surgery.stop();
    cancelAnimationFrame(this.frame);
    this.root.remove();
  }

  // ---- what is shown

  /** Show a payload, or once a person lets go: nothing may move under a brush. */
  receive(data) {
    this.received = data;
    if (!this.score.pointer.press?.brushes) this.flush();
  }

  flush() {
    const data = this.received;
    this.received = null;
    if (data) this.load(decodePayload(data));
  }

  /** Show a payload. What a person chose is kept where it still exists. */
  load(header) {
    const first = !this.header;
    const samePreset = !first && this.header.preset === header.preset;
    this.header = header;
    this.lanes = new Map();
    header.parts.forEach(addVersions);
    this.surgery.adopt(!samePreset);
    this.steps = header.parts[0].steps;
    this.adopt(first ? header.view : samePreset ? this.state : { models: this.state.models });
    this.applyTheme();
    this.rebuild();
    if (!first || this.address.stale) this.address.write();
    this.surgery.askedAbout();
  }

  /** Take over step, units, models and pins from `view` as far as this payload has them. */
  adopt(view) {
    const { state, header } = this;
    const known = (key) => header.parts.some((part) => part.key === key);
    state.models = (view.models ?? []).filter(known);
    if (!state.models.length) state.models = header.parts.slice(0, 2).map((part) => part.key);
    state.focus = state.models.includes(view.focus) ? view.focus : state.models[0];
    state.asked = clamp(view.asked ?? header.asked, 0, this.steps - 1);
    state.step = clamp(view.step ?? header.step, 0, this.steps - 1);
    state.units = Object.fromEntries(
      header.parts.map((part) => [part.key, this.unitOf(part, view.units?.[part.key] ?? (part.key === state.focus ? view.unit : null))]),
    );
    state.pins = (view.pins ?? []).filter(({ part, key, unit, t }) => {
      const lane = this.part(part)?.lanes.find((each) => each.key === key);
      return lane && unit < lane.units && t < this.steps;
    });
    this.view.open(this.steps, view === state);
    state.hover = null;
  }

  unitOf(part, unit) {
    return Number.isInteger(unit) && unit >= 0 && unit < part.units ? unit : part.unit;
  }

  /** A model in the version that its numbers are told of. */
  part(key) {
    const part = this.header.parts.find((each) => each.key === key);
    return part?.versions[this.surgery.mode === "original" ? "original" : "changed"];
  }

  /** A model in the version that its heat maps show. */
  drawn(part) {
    return part.versions[this.surgery.mode];
  }

  /** The models chosen, in their order. */
  visibleParts() {
    return this.state.models.map((key) => this.part(key));
  }

  /** The models drawn: all chosen ones, or one at a time on a narrow screen. */
  shownParts() {
    return this.narrow ? [this.focusedPart()] : this.visibleParts();
  }

  focusedPart() {
    return this.part(this.state.focus);
  }

  /** What is read at step `t` in a few characters: the symbol, or the first numbers. */
  glyph(t) {
    const { glyphs, values } = this.header;
    if (glyphs || !values) return glyphs?.[t] ?? "";
    const width = values.shape[1];
    const shown = Array.from({ length: Math.min(width, 3) }, (_, k) => formatNumber(at(values, t, k), 2));
    return `(${shown.join(", ")}${width > 3 ? ", …" : ""})`;
  }

  order(part) {
    part.orders ??= {};
    return (part.orders[this.state.sort] ??= unitOrder(part, this.state.sort));
  }

  /** The lane of a signal, its bitmap built once for the present order, theme and scale. */
  lane(part, spec) {
    const id = `${part.key}.${spec.key}.${this.state.sort}.${this.state.perUnit}.${this.dark}.${this.surgery.mode}`;
    if (!this.lanes.has(id)) {
      const lane = new Lane(part, spec);
      const order = this.order(part).filter((unit) => unit < spec.units);
      lane.build(order, this.palettes, this.state.perUnit);
      this.lanes.set(id, lane);
    }
    return this.lanes.get(id);
  }

  // ---- theme and size

  applyTheme() {
    const style = getComputedStyle(this.root);
    this.paper = style.getPropertyValue("--paper").trim() || "#ffffff";
    this.dark = isDark(this.paper);
    this.root.classList.toggle("dark", this.dark);
    this.palettes = makePalettes(this.header.colours, this.dark);
    const { theme } = this.palettes;
    [this.ink, this.muted] = [theme.ink, theme.muted];
    this.veil = this.dark ? "rgba(14,17,23,.72)" : "rgba(255,255,255,.68)";
    this.light = this.dark ? "rgba(255,255,255,.22)" : "rgba(255,255,255,.38)";
    this.fonts = { body: style.fontFamily, mono: "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" };
    for (const [name, value] of Object.entries(theme)) {
      if (typeof value === "string") this.root.style.setProperty(`--${name}`, value);
    }
    this.root.lang = this.header.language;
  }

  resized() {
    const width = this.root.clientWidth;
    if (!this.header || width === this.lastWidth || width === 0) return;
    this.lastWidth = width;
    this.rebuild();
  }

  /** Lay everything out again; the frame after shows it. */
  rebuild() {
    this.lastWidth = this.root.clientWidth;
    this.narrow = this.lastWidth > 0 && this.lastWidth < NARROW;
    this.root.classList.toggle("narrow", this.narrow);
    this.root.setAttribute("aria-label", this.header.text.stage);
    refill(this.sentence, ...emphasised(wholeSentence(this)));
    refill(this.tabs, ...(this.narrow ? this.partTabs() : []));
    this.transport.rebuild();
    this.surgery.rebuild();
    this.score.rebuild();
    this.cell.rebuild();
    this.render();
  }

  /** Show another version of the models; nothing else moves. */
  redraw() {
    this.surgery.rebuild();
    this.score.rebuild();
    this.cell.rebuild();
    this.render();
  }

  partTabs() {
    return this.header.parts.map((part) =>
      element("button", { "aria-pressed": String(part.key === this.state.focus), onclick: () => this.focus(part.key) }, part.name),
    );
  }

  // ---- time

  move(by) {
    this.goTo(this.state.step + by, { follow: true });
  }

  goTo(step, { follow = false } = {}) {
    const target = clamp(step, 0, this.steps - 1);
    if (target === this.state.step) return;
    this.state.step = target;
    if (follow && this.view.follow(target)) this.moved = true;
    this.schedule();
    this.address.write();
  }

  scrollBy(steps) {
    if (!this.view.moveTo(this.view.from + steps)) return;
    this.moved = true;
    this.schedule();
  }

  zoom(factor) {
    this.view.zoom(factor);
    this.score.paint();
  }

  togglePlay() {
    const { state } = this;
    state.playing = !state.playing;
    if (state.playing && state.step === this.steps - 1) this.goTo(0, { follow: true });
    clearTimeout(this.timer);
    if (state.playing) this.tick();
    this.transport.update();
  }

  tick() {
    this.timer = setTimeout(() => {
      this.move(1);
      if (this.state.step === this.steps - 1) return this.togglePlay();
      this.tick();
    }, 1000 / (STEPS_PER_SECOND * this.state.speed));
  }

  // ---- drawing a step

  /** Draw in the next frame; many steps within one frame are drawn once. */
  schedule() {
    this.frame ??= requestAnimationFrame(() => this.render());
  }

  render() {
    this.frame = null;
    if (this.moved) this.score.drawWindow();
    else if (this.header.glyphs) this.score.drawSequence();
    this.moved = false;
    this.score.drawOverlay();
    this.score.memory?.update();
    this.transport.update();
    this.surgery.update();
    this.cell.update();
    this.root.dataset.step = this.state.step;
    this.root.dataset.model = this.state.models.join(" ");
    this.announce();
  }

  /** The step in words, once the stepping pauses: a listener hears where it ended. */
  announce() {
    clearTimeout(this.liveTimer);
    this.liveTimer = setTimeout(() => setText(this.live, sentenceNow(this)), 250);
  }

  /** The colour of a number on its lane's scale, as CSS. */
  swatch(number, lane) {
    const colour = pixel(number, lane.low, lane.high, this.palettes[lane.kind], this.palettes);
    return `rgb(${colour & 255},${(colour >> 8) & 255},${(colour >> 16) & 255})`;
  }

  // ---- choices

  setOption(key, value) {
    this.state[key] = value;
    this.score.rebuild();
    this.render();
  }

  focus(key) {
    this.state.focus = key;
    if (!this.state.models.includes(key)) this.state.models.push(key);
    this.narrow ? this.rebuild() : this.cell.rebuild();
    this.surgery.rebuild();
    this.changed();
  }

  addModel(key) {
    this.state.models.push(key);
    this.arranged();
  }

  removeModel(key) {
    const { state } = this;
    state.models = state.models.filter((each) => each !== key);
    if (state.focus === key) state.focus = state.models[0];
    this.arranged();
  }

  moveModel(key, by) {
    const { models } = this.state;
    const place = models.indexOf(key);
    models.splice(place, 1);
    models.splice(place + by, 0, key);
    this.arranged();
  }

  arranged() {
    const active = document.activeElement;
    this.rebuild();
    if (active && !active.isConnected) this.root.focus({ preventScroll: true });
    this.changed();
  }

  toggleFold(id) {
    const { folded } = this.state;
    folded.has(id) ? folded.delete(id) : folded.add(id);
    this.score.rebuild();
    this.score.root.querySelector(`[data-lane="${id}"] .label`)?.focus({ preventScroll: true });
    this.render();
  }

  resizeLane(id, by) {
    const lane = this.score.shownLanes().find((each) => `${each.part.key}.${each.spec.key}` === id);
    this.state.heights[id] = clamp(this.score.laneHeight(lane) + by, 16, 480);
    this.score.paint();
  }

  /** Whose memory the last row shows: the token at `step`. */
  askAbout(step) {
    this.state.asked = step;
    this.surgery.askedAbout();
    this.score.memory?.draw(this.score.width);
    this.schedule();
  }

  openGate(key) {
    this.state.gate = key;
    this.cell.update();
  }

  /** Up and Down walk the units in the order in which they are drawn. */
  moveUnit(by) {
    const part = this.focusedPart();
    const order = this.order(part);
    const row = order.indexOf(this.state.units[part.key]) + by;
    if (row < 0 || row >= order.length) return;
    this.selectUnit(part.key, order[row]);
  }

  selectUnit(key, unit) {
    const { state } = this;
    const [other, hidden] = [state.focus !== key, !state.models.includes(key)];
    state.focus = key;
    state.units[key] = Math.min(unit, this.part(key).units - 1);
    if (hidden) state.models.push(key);
    if (hidden || (other && this.narrow)) this.rebuild();
    else if (other) this.cell.rebuild();
    if (other) this.surgery.rebuild();
    this.cell.drawLife();
    this.changed();
  }

  setHover(hover) {
    const same = JSON.stringify(hover) === JSON.stringify(this.state.hover);
    this.state.hover = hover;
    if (!same) this.hoverFrame ??= requestAnimationFrame(() => {
      this.hoverFrame = null;
      this.score.drawOverlay();
    });
  }

  pin(pin) {
    const { pins } = this.state;
    const place = pins.findIndex((each) => JSON.stringify(each) === JSON.stringify(pin));
    if (place >= 0) pins.splice(place, 1);
    else pins.push(pin);
    this.selectUnit(pin.part, pin.unit);
    this.cell.updatePins();
  }

  /** Pin the chosen unit at this step, in the lane whose arithmetic is open. */
  pinHere() {
    const part = this.focusedPart();
    const unit = this.state.units[part.key];
    this.pin({ part: part.key, key: this.cell.gate(), unit, t: this.state.step });
  }

  unpin(place) {
    this.state.pins.splice(place, 1);
    this.cell.updatePins();
    this.schedule();
  }

  goToPin({ part, unit, t }) {
    this.selectUnit(part, unit);
    this.goTo(t, { follow: true });
  }

  /** Close what is open, then let go of the pins. */
  escape() {
    const open = this.root.querySelectorAll("details[open]");
    if (open.length) open.forEach((each) => (each.open = false));
    else this.state.pins = [];
    this.state.hover = null;
    this.score.tip.hidden = true;
    if (this.state.playing) this.togglePlay();
    this.cell.updatePins();
    this.schedule();
  }

  changed() {
    this.schedule();
    this.address.write();
  }

  key(event) {
    const target = event.composedPath()[0];
    const inside = this.root.contains(target);
    const idle = target === document.body || target === document.documentElement;
    // After a click on one of the page's buttons, the keys are the stage's; Space presses the button.
    const pressed = event.key !== " " && target.closest?.("button")?.closest(".stButton");
    if (!inside && !idle && !pressed) return;
    if (!inside && document.querySelector(".lstm-stage") !== this.root) return;
    if (keyBelongsTo(target, event) || !handleKey(this, event)) return;
    event.preventDefault();
    event.stopPropagation();
  }
}

const stages = new WeakMap();

/** Streamlit calls this for every new payload and theme, always with the same parent. */
export default function ({ data, parentElement, setStateValue }) {
  const host = parentElement.querySelector?.(".lstm-stage-host") ?? parentElement;
  let stage = stages.get(host);
  if (!stage) stages.set(host, (stage = new Stage(host)));
  stage.send = setStateValue;
  if (data instanceof Uint8Array) stage.receive(data);
  return () => {
    stage.destroy();
    stages.delete(host);
  };
}
