// What a person changed: the list, its history, and the panel that shows both. Python makes the
// changes; the browser asks for them and draws what comes back.

const ASK_AFTER = 60; // milliseconds between requests while a person drags
const LARGEST_FILE = 65536; // bytes of a file of changes
const MODES = ["original", "changed", "difference"];

class Surgery {
  constructor(stage) {
    Object.assign(this, { stage, open: false, mode: "changed", items: [], past: [], future: [], number: 0, editing: null });
    this.editor = new Editor(this);
    this.bar = div("bar");
    this.problem = element("div", { class: "problem", role: "alert" });
    this.outcome = element("p", { class: "outcome", "aria-live": "polite" });
    this.begin = div("begin");
    // These stay where they are: what a person drags or types in must not be taken away.
    this.root = element("section", { class: "surgery", hidden: true }, this.bar, this.editor.root, this.problem, this.outcome, this.begin);
  }

  get given() {
    return this.stage.header.surgery;
  }

  get text() {
    return this.given.text;
  }

  /** Whether some model is drawn that was changed. */
  get effective() {
    return this.stage.header.parts.some((part) => part.changed);
  }

  /** Take over what Python says, unless it is about an older request. */
  adopt(fresh) {
    this.root.hidden = !this.given;
    if (!this.given) return;
    if (fresh) Object.assign(this, { past: [], future: [], editing: null, guide: null, sure: 0 });
    this.stage.root.dataset.answered = this.given.number;
    this.waiting = !fresh && this.number > this.given.number;
    if (this.waiting) return;
    this.number = this.given.number;
    this.items = this.given.items.map((item) => item.change);
    if (fresh && (this.items.length || this.given.rejected)) this.open = true;
    if (this.given.rejected) this.past.length = Math.min(this.past.length, this.sure);
    this.sure = this.past.length;
  }

  // ---- the list and its history

  /** Put `items` in the place of the list; with `more` it belongs to the last change. */
  put(items, { more = false } = {}) {
    if (!more) this.past.push(this.items);
    this.future = [];
    this.guide = null;
    this.show(items);
  }

  show(items) {
    this.items = items;
    if (this.mode === "original") this.mode = "changed";
    this.ask();
    this.rebuild();
  }

  /** Ask Python now, or soon where the last request is young. */
  ask() {
    this.count();
    const wait = Math.max(0, ASK_AFTER - (performance.now() - (this.asked ?? -ASK_AFTER)));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.asked = performance.now();
      this.send(JSON.stringify(this.items));
    }, wait);
  }

  /** Number the next request; the stage shows which one was made and which answered. */
  count() {
    this.number += 1;
    this.stage.root.dataset.asked = this.number;
  }

  send(text) {
    this.stage.send?.("ask", { number: this.number, text, asked: this.stage.state.asked });
  }

  /** Another token's memory is looked at; of a changed model Python knows it. */
  askedAbout() {
    if (!this.given || !this.effective || this.given.asked === this.stage.state.asked) return;
    this.ask();
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(this.items);
    this.editing = this.guide = null;
    this.show(this.past.pop());
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(this.items);
    this.show(this.future.pop());
  }

  reset() {
    this.editing = null;
    if (this.items.length) this.put([]);
  }

  /** Add a change and open it for editing. */
  add(change) {
    this.open = true;
    this.editing = this.items.length;
    this.put([...this.items, change]);
  }

  /** Replace the change at `place`. */
  edit(place, change, options) {
    this.put(this.items.map((each, k) => (k === place ? change : each)), options);
  }

  remove(place) {
    this.editing = null;
    this.put(this.items.filter((_, k) => k !== place));
  }

  toggle(place) {
    const { on = true, ...rest } = this.items[place];
    this.edit(place, on ? { ...rest, on: false } : rest);
  }

  /** The fields that say which model and layer a part is. */
  static where(part) {
    const layer = part.layers > 1 ? { layer: part.layer } : {};
    return { model: part.model, ...layer, ...(part.reverse ? { direction: 1 } : {}) };
  }

  // ---- what a person does elsewhere on the stage

  /** Units and steps that were brushed in a lane. */
  brushed(part, lane, units, from, to) {
    const all = units.length === lane.units;
    const value = lane.kind === "gate" && meanOver(part, lane, units, from, to) < 0.5 ? 1 : 0;
    this.add({ ...Surgery.where(part), signal: lane.key, op: "set", value, ...(all ? {} : { units: [...units].sort((a, b) => a - b) }), times: [[from, to]] });
  }

  /** One value of the cell, dragged; all moves of a drag are one change. */
  drag(part, key, unit, t, value, begins) {
    const same = (each) => each.model === part.model && each.signal === key && each.op === "set" && JSON.stringify([each.units, each.times]) === JSON.stringify([[unit], [t]]);
    const change = { ...Surgery.where(part), signal: key, op: "set", value, units: [unit], times: [t] };
    const place = this.items.findIndex(same);
    this.open = true;
    if (place >= 0) return this.edit(place, change, { more: !begins });
    this.put([...this.items, change], { more: !begins });
  }

  /** The chosen unit from this step on, in the gate whose arithmetic is open. */
  here(part, key, unit, t) {
    const lane = laneOf(part, key);
    this.brushed(part, lane, [unit], t, this.stage.steps);
  }

  /** The shift of a gate's bias in every unit of a layer; 0 takes the change away. */
  shift(part, gate, value, more) {
    const place = this.shiftOf(part, gate);
    const change = { ...Surgery.where(part), op: "shift_bias", gate, value };
    const items = this.items.filter((_, k) => k !== place || value);
    if (place >= 0 && value) items[place] = change;
    else if (value) items.push(change);
    this.put(items, { more });
  }

  shiftOf(part, gate) {
    const { model, layer, direction } = Surgery.where(part);
    return this.items.findIndex((each) => each.op === "shift_bias" && each.model === model && each.gate === gate && !each.units && each.layer === layer && each.direction === direction);
  }

  /** Read `token` at step `t`; the token that stands there takes the change away. */
  replace(t, token, stands) {
    const items = this.items.filter((each) => !("token" in each && each.time === t));
    this.put(token === stands ? items : [...items, { token, time: t }]);
  }

  setMode(mode) {
    this.mode = mode;
    this.stage.redraw();
  }

  toggleOpen() {
    this.open = !this.open;
    this.rebuild();
    this.stage.transport.update();
  }

  download() {
    const url = URL.createObjectURL(new Blob([`${JSON.stringify(this.items, null, 1)}\n`], { type: "application/json" }));
    element("a", { href: url, download: "changes.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  /** Send a file as it is: Python checks it and says what is wrong. */
  async load(file) {
    if (!file) return;
    if (file.size > LARGEST_FILE) return this.complain(this.text.badFile);
    const text = await file.text();
    Object.assign(this, { past: [...this.past, this.items], future: [], editing: null, guide: null });
    this.count();
    this.send(text);
  }

  complain(words) {
    refill(this.problem, ...emphasised(words));
  }

  // ---- the panel

  rebuild() {
    const { stage } = this;
    this.root.hidden = !this.given || !this.open;
    stage.root.classList.toggle("operating", !this.root.hidden);
    if (this.root.hidden) return;
    const held = this.bar.contains(document.activeElement) ? document.activeElement.dataset.role : null;
    this.root.setAttribute("aria-label", this.text.title);
    refill(this.bar, this.modes(), this.list(), this.tools());
    if (held) this.bar.querySelector(`[data-role="${held}"]`)?.focus({ preventScroll: true });
    this.editor.rebuild();
    refill(this.problem, ...this.problems().map((words) => element("p", {}, ...emphasised(words))));
    refill(this.outcome, ...emphasised(this.items.length ? this.given.outcome : ""));
    this.outcome.classList.toggle("old", this.waiting);
    this.rebuildBeginnings();
  }

  /** Why something was not made, in sentences. */
  problems() {
    const { given, items, stage, text, waiting } = this;
    if (waiting) return [];
    const long = stage.header.address && JSON.stringify(items).length > given.most;
    const unmade = given.items.filter((item) => item.problem).map((item) => `${item.words}: ${item.problem}`);
    return [given.rejected, ...unmade, long ? text.tooLong : ""].filter(Boolean);
  }

  /** Which version is drawn, once there are several. */
  modes() {
    if (!this.effective) return null;
    const tabs = MODES.map((mode) =>
      element("button", { "aria-pressed": String(this.mode === mode), "data-role": mode, title: mode === "difference" ? this.text["difference-note"] : null, onclick: () => this.setMode(mode) }, this.text[mode]),
    );
    return span("tabs modes", ...tabs);
  }

  list() {
    return element("ul", { class: "changes" }, ...this.items.map((change, place) => this.chip(change, place)));
  }

  /** One change: on or off, what it is, remove. */
  chip(change, place) {
    const told = this.waiting ? null : this.given.items[place];
    const on = element("input", { type: "checkbox", checked: change.on ?? true, title: this.text.on, "aria-label": this.text.on });
    hear(on, "change", () => this.toggle(place));
    const model = this.stage.header.parts.find((part) => part.model === change.model);
    const words = told?.words ?? "…";
    const name = element(
      "button",
      { class: "name", "aria-expanded": String(this.editing === place), title: told?.problem ? told.problem.replace(/[\u0002\u0003]/g, "") : this.text.edit, onclick: () => this.edited(place) },
      model ? element("i", { class: `dot ${model.cell}` }) : null, model ? `${modelName(this.stage, model)} ` : null, words,
    );
    return element("li", { class: `${told?.problem ? "broken" : ""}${change.on === false ? " off" : ""}` }, on, name, button("×", this.text.remove, () => this.remove(place)));
  }

  /** Open a change for editing; of a token that is the field at its step. */
  edited(place) {
    this.editing = this.editing === place ? null : place;
    const { token, time } = this.items[place] ?? {};
    if (token) {
      this.editing = null;
      this.stage.goTo(time, { follow: true });
      this.update();
      this.begin.querySelector("[data-role=token]")?.focus();
    }
    this.rebuild();
  }

  tools() {
    const { text } = this;
    const file = element("input", { type: "file", accept: ".json,application/json", hidden: true });
    hear(file, "change", () => this.load(file.files[0]));
    return element(
      "span",
      { class: "tools" },
      button("↶", text.undo, () => this.undo(), { disabled: !this.past.length, "data-role": "undo" }),
      button("↷", text.redo, () => this.redo(), { disabled: !this.future.length, "data-role": "redo" }),
      button("⟲", text.reset, () => this.reset(), { disabled: !this.items.length, "data-role": "reset" }),
      button("⤓", text.download, () => this.download(), { disabled: !this.items.length }),
      button("⤒", text.load, () => file.click()), file,
      button("×", text.close, () => this.toggleOpen(), { class: "close" }),
    );
  }

  /** Where to begin: examples, a bias, a token, a hint. What is being dragged only follows. */
  rebuildBeginnings() {
    const { stage, given } = this;
    const part = stage.focusedPart();
    const layout = JSON.stringify([part.key, stage.header.language, stage.state.models, given.guides, given.read, stage.narrow]);
    if (layout !== this.layout) {
      this.layout = layout;
      this.asks = span("facts");
      refill(this.begin, this.guides(), this.bias(part), this.tokenChooser(), this.asks);
    }
    this.updateBias(part);
    this.updateToken();
    setText(this.asks, given.guides[this.guide]?.asks ?? this.text[stage.narrow ? "brush-narrow" : "brush"]);
  }

  guides() {
    const { text, given } = this;
    const buttons = given.guides.map((guide, place) =>
      element("button", { title: guide.asks, disabled: !this.fitting(guide).length, onclick: () => this.follow(place) }, guide.name),
    );
    return buttons.length ? element("span", {}, element("b", {}, text.try), " ", ...buttons) : null;
  }

  /** The changes of an example in the models that are shown. */
  fitting(guide) {
    const shown = this.stage.visibleParts().map((part) => part.model);
    return guide.changes.filter((change) => shown.includes(change.model));
  }

  follow(place) {
    this.editing = null;
    this.put(this.fitting(this.given.guides[place]));
    this.guide = place;
    this.rebuild();
  }

  /** The bias of the gate that keeps, as a slider; that of h where no gate does. */
  bias(part) {
    const gate = keeper(part);
    const { name } = laneOf(part, gate);
    const slider = element("input", { type: "range", min: -8, max: 8, step: 0.25, "data-role": "bias" });
    let begun = false;
    hear(slider, "input", () => {
      this.shift(part, gate, Number(slider.value), begun);
      begun = true;
    });
    hear(slider, "change", () => (begun = false));
    const note = fill(part.cell === "rnn" ? this.text["bias-note-rnn"] : this.text["bias-note"], { name });
    return element("label", { class: "bias", title: note }, fill(this.text.bias, { model: part.name, gate }), slider, element("output"));
  }

  updateBias(part) {
    const [slider, shown] = this.begin.querySelectorAll(".bias > input, .bias > output");
    const value = this.items[this.shiftOf(part, keeper(part))]?.value ?? 0;
    if (Number(slider.value) !== value) slider.value = value;
    setText(shown, (value > 0 ? "+" : "") + formatNumber(value, 2));
  }

  /** What is read at this step instead. */
  tokenChooser() {
    const { stage, given, text } = this;
    if (!given.tokens.length || !stage.header.glyphs) return null;
    const options = given.tokens.map(([token, glyph]) => element("option", { value: token }, glyph === token ? token : `${glyph}  (${token.trim() || glyph})`));
    const select = element("select", { "data-role": "token" }, ...options);
    hear(select, "change", () => this.replace(stage.state.step, select.value, given.read[stage.state.step]));
    return element("label", { class: "token" }, element("span", {}, text.token), select);
  }

  updateToken() {
    const [label, select] = this.begin.querySelectorAll(".token > *");
    if (!label) return;
    const { step } = this.stage.state;
    setText(label, fill(this.text.token, { t: step }));
    select.value = this.items.find((each) => "token" in each && each.time === step)?.token ?? this.given.read[step];
  }

  /** Follow the step. */
  update() {
    if (!this.root.hidden) this.updateToken();
  }

  stop() {
    clearTimeout(this.timer);
  }
}

/** The gate whose bias makes memory longer or shorter. */
const keeper = (part) => ["f", "z"].find((key) => part.packed.includes(key)) ?? "h";

/** What a chip calls a model: its part's name where the model has but one. */
const modelName = (stage, part) => (stage.header.parts.filter((each) => each.model === part.model).length > 1 ? "" : part.name);

/** The mean of a signal over brushed units and steps. */
function meanOver(part, lane, units, from, to) {
  let sum = 0;
  for (const unit of units) for (let t = from; t < to; t++) sum += valueAt(part, lane.key, unit, t);
  return sum / (units.length * (to - from));
}
