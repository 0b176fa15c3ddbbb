// One change in detail: what is done to which signal, to which units, at which steps.

class Editor {
  constructor(surgery) {
    this.surgery = surgery;
    this.root = element("form", { class: "editor", hidden: true });
    hear(this.root, "submit", (event) => {
      event.preventDefault();
      surgery.edited(surgery.editing);
    });
  }

  get change() {
    return this.surgery.items[this.surgery.editing];
  }

  /** Lay out the fields of the change; those that are there only follow it. */
  rebuild() {
    const { change, surgery } = this;
    this.root.hidden = !change || "token" in change;
    if (this.root.hidden) return;
    const { text } = surgery;
    const part = this.part();
    const layout = JSON.stringify([surgery.editing, change.op, change.signal, part?.key, text.done]);
    if (layout === this.layout) return this.follow();
    this.layout = layout;
    this.begun = false;
    this.inputs = {};
    const fields = "signal" in change ? [this.signal(), this.op(), ...this.value(), this.units(), ...this.times()] : [...this.weights(), ...this.value(), this.units()];
    refill(this.root, part ? element("b", {}, part.name) : null, ...fields, element("button", { type: "submit", class: "done" }, text.done));
    this.follow();
  }

  /** Write the change into the fields, but for the one that a person types in. */
  follow() {
    const { change, inputs } = this;
    const spans = spansOf(change, this.surgery.stage.steps);
    const values = { value: change.value, slider: change.value, units: listToText(change.units), from: spans[0][0], to: spans.at(-1)[1] - 1 };
    for (const [name, input] of Object.entries(inputs)) {
      if (input !== document.activeElement && input.getAttribute("aria-invalid") !== "true") input.value = values[name];
    }
  }

  /** Put new fields into the change; while a person drags, all moves are one change. */
  set(fields, more = false) {
    const change = { ...this.change, ...fields };
    for (const [key, value] of Object.entries(change)) if (value === undefined) delete change[key];
    this.surgery.edit(this.surgery.editing, change, { more: more && this.begun });
    this.begun = more;
  }

  part() {
    const { layer, direction = 0, model } = this.change;
    const { parts } = this.surgery.stage.header;
    const fits = (part) => part.model === model && (layer === undefined || part.layer === layer) && Number(part.reverse) === direction;
    return parts.find(fits) ?? parts.find((part) => part.model === model);
  }

  lane() {
    return this.part()?.lanes.find((lane) => lane.key === this.change.signal);
  }

  signal() {
    const keys = [...(this.part()?.lanes.map((lane) => lane.key) ?? []), "x"];
    const select = this.select("signal", keys.map((key) => [key, key]), this.surgery.text.signal);
    hear(select, "change", () => this.set({ signal: select.value }));
    return select;
  }

  op() {
    const { text } = this.surgery;
    const select = this.select("op", ["set", "scale", "add"].map((op) => [op, text[op]]), text.op);
    hear(select, "change", () => this.set({ op: select.value, value: select.value === "scale" ? 1 : 0 }));
    return select;
  }

  select(field, options, name) {
    return element("select", { "aria-label": name, "data-field": field }, ...options.map(([value, label]) => element("option", { value, selected: this.change[field] === value }, label)));
  }

  /** A number and a slider over the range that makes sense. */
  value() {
    const { change, surgery } = this;
    if (Array.isArray(change.value) || change.value === undefined) return [];
    const lane = this.lane();
    const reach = lane?.kind === "gate" ? 1 : Math.max(1, lane?.high ?? 4);
    const [low, high] = change.op === "set" ? [lane?.kind === "gate" ? 0 : -reach, reach] : change.op === "add" ? [-reach, reach] : change.op === "shift_bias" ? [-8, 8] : [0, 2];
    const step = Number(((high - low) / 100).toPrecision(1));
    const slider = element("input", { type: "range", min: low, max: high, step, "aria-label": surgery.text.value });
    const field = element("input", { type: "number", step: "any", "aria-label": surgery.text.value, "data-field": "value" });
    Object.assign(this.inputs, { value: field, slider });
    hear(slider, "input", () => {
      field.value = slider.value;
      this.set({ value: Number(slider.value) }, true);
    });
    hear(slider, "change", () => (this.begun = false));
    hear(field, "change", () => {
      if (field.value !== "" && Number.isFinite(Number(field.value))) this.set({ value: Number(field.value) });
    });
    return [field, slider];
  }

  /** Units as "3, 7, 10-12"; empty is all of them. */
  units() {
    const { text } = this.surgery;
    const field = element("input", { type: "text", class: "units", placeholder: text.all, "aria-label": text.units, "data-field": "units" });
    this.inputs.units = field;
    hear(field, "change", () => {
      const units = textToList(field.value, this.lane()?.units ?? this.part()?.units ?? 0);
      field.setAttribute("aria-invalid", String(units === null));
      if (units !== null) this.set({ units: units.length ? units : undefined });
    });
    return element("label", {}, text.units, " ", field);
  }

  /** The first and the last step; a change of several spans shows its ends. */
  times() {
    const { text, stage } = this.surgery;
    const last = stage.steps - 1;
    const number = (field, name) => (this.inputs[field] = element("input", { type: "number", min: 0, max: last, "aria-label": name, "data-field": field }));
    const [from, to] = [number("from", text.from), number("to", text.to)];
    const write = () => {
      const [a, b] = [from, to].map((field) => (field.value === "" ? NaN : Number(field.value)));
      const good = Number.isInteger(a) && Number.isInteger(b) && a >= 0 && b >= a && b <= last;
      for (const field of [from, to]) field.setAttribute("aria-invalid", String(!good));
      if (good) this.set({ times: a === 0 && b >= last ? undefined : [[a, b + 1]] });
    };
    for (const field of [from, to]) hear(field, "change", write);
    return [element("label", {}, text.from, " ", from), element("label", {}, text.to, " ", to)];
  }

  weights() {
    return [element("span", {}, this.surgery.given.items[this.surgery.editing]?.words ?? "")];
  }
}

/** [3, 7, 8, 9] as "3, 7-9". */
function listToText(units) {
  const runs = [];
  for (const unit of units ?? []) {
    const run = runs.at(-1);
    if (run && unit === run[1] + 1) run[1] = unit;
    else runs.push([unit, unit]);
  }
  return runs.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(", ");
}

/** "3, 7-9" as [3, 7, 8, 9]; null where that cannot be read or goes beyond `width` units. */
function textToList(text, width) {
  const units = new Set();
  for (const piece of text.split(/[\s,，、]+/).filter(Boolean)) {
    const found = /^(\d{1,5})(?:[-–](\d{1,5}))?$/.exec(piece);
    const [first, last] = [Number(found?.[1]), Number(found?.[2] ?? found?.[1])];
    if (!(first <= last && last < width)) return null;
    for (let unit = first; unit <= last; unit++) units.add(unit);
  }
  return [...units].sort((a, b) => a - b);
}
