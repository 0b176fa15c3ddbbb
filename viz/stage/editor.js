// One change in detail: what is done to which signal, to which units, at which steps.

class Editor {
  constructor(surgery) {
    this.surgery = surgery;
    this.root = element("form", { class: "editor", hidden: true });
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      surgery.edited(surgery.editing);
    });
  }

  get change() {
    return this.surgery.items[this.surgery.editing];
  }

  /** Lay out the fields, unless a person is typing in them. */
  rebuild() {
    const { change, surgery } = this;
    this.root.hidden = !change || "token" in change;
    if (this.root.hidden) return;
    if (this.root.contains(document.activeElement) && this.shown === surgery.editing && document.activeElement.tagName === "INPUT") return;
    this.shown = surgery.editing;
    this.begun = false;
    const { text } = surgery;
    const fields = "signal" in change ? [this.signal(), this.op(), ...this.value(), this.units(), ...this.times()] : [...this.weights(), ...this.value(), this.units()];
    const part = this.part();
    this.root.replaceChildren(...[part ? element("b", {}, part.name) : null, ...fields, element("button", { type: "submit", class: "done" }, text.done)].filter(Boolean));
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
    select.addEventListener("change", () => this.set({ signal: select.value }));
    return select;
  }

  op() {
    const { text } = this.surgery;
    const select = this.select("op", ["set", "scale", "add"].map((op) => [op, text[op]]), text.op);
    select.addEventListener("change", () => this.set({ op: select.value, value: select.value === "scale" ? 1 : 0 }));
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
    const slider = element("input", { type: "range", min: low, max: high, step, value: change.value, "aria-label": surgery.text.value });
    const field = element("input", { type: "number", step: "any", value: change.value, "aria-label": surgery.text.value, "data-field": "value" });
    slider.addEventListener("input", () => {
      field.value = slider.value;
      this.set({ value: Number(slider.value) }, true);
    });
    field.addEventListener("change", () => {
      if (field.value !== "" && Number.isFinite(Number(field.value))) this.set({ value: Number(field.value) });
    });
    return [field, slider];
  }

  /** Units as "3, 7, 10-12"; empty is all of them. */
  units() {
    const { text } = this.surgery;
    const field = element("input", { type: "text", class: "units", value: listToText(this.change.units), placeholder: text.all, "aria-label": text.units, "data-field": "units" });
    field.addEventListener("change", () => {
      const units = textToList(field.value);
      field.setAttribute("aria-invalid", String(units === null));
      if (units !== null) this.set({ units: units.length ? units : undefined });
    });
    return element("label", {}, text.units, " ", field);
  }

  /** The first and the last step; a change of several spans shows its ends. */
  times() {
    const { text, stage } = this.surgery;
    const spans = (this.change.times ?? [[0, null]]).map((span) => (Array.isArray(span) ? span : [span, span + 1]));
    const last = stage.steps - 1;
    const number = (value, name) => element("input", { type: "number", min: 0, max: last, value, "aria-label": name, "data-field": name === text.from ? "from" : "to" });
    const from = number(spans[0][0], text.from);
    const to = number((spans.at(-1)[1] ?? stage.steps) - 1, text.to);
    const write = () => {
      const [a, b] = [from, to].map((field) => Math.round(Number(field.value)));
      if (Number.isFinite(a) && Number.isFinite(b) && a >= 0 && b >= a) this.set({ times: a === 0 && b >= last ? undefined : [[a, b + 1]] });
    };
    for (const field of [from, to]) field.addEventListener("change", write);
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

/** "3, 7-9" as [3, 7, 8, 9]; null where that cannot be read. */
function textToList(text) {
  const units = new Set();
  for (const piece of text.split(/[\s,，、]+/).filter(Boolean)) {
    const found = /^(\d{1,5})(?:[-–](\d{1,5}))?$/.exec(piece);
    if (!found) return null;
    for (let unit = Number(found[1]); unit <= Number(found[2] ?? found[1]); unit++) units.add(unit);
  }
  return [...units].sort((a, b) => a - b);
}
