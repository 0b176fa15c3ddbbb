// First, back, play, forward, last, speed, the time axis, and how the score is shown.

const STEPS_PER_SECOND = 5;
const SPEEDS = [0.5, 1, 2, 4];

class Transport {
  constructor(stage) {
    this.stage = stage;
    this.root = element("div", { class: "transport", role: "toolbar" });
  }

  rebuild() {
    const { stage } = this;
    const { text } = stage.header;
    const last = stage.steps - 1;
    this.play = button("▶", text.play, () => stage.togglePlay(), { class: "play" });
    this.slider = element("input", { type: "range", min: 0, max: last, step: 1, "aria-label": text.step });
    hear(this.slider, "input", () => stage.goTo(Number(this.slider.value), { follow: true }));
    this.time = element("output", { class: "time" });
    this.root.setAttribute("aria-label", text.controls);
    refill(
      this.root,
      button("«", text.first, () => stage.goTo(0, { follow: true })),
      button("‹", text.back, () => stage.move(-1)),
      this.play,
      button("›", text.forward, () => stage.move(1)),
      button("»", text.last, () => stage.goTo(last, { follow: true })),
      this.slider,
      this.time,
      this.speed(),
      this.options(),
      this.changer(),
      ...this.adders(),
    );
    this.update();
  }

  update() {
    const { step, playing } = this.stage.state;
    this.slider.value = step;
    this.slider.style.setProperty("--share", `${(100 * step) / Math.max(1, this.stage.steps - 1)}%`);
    setText(this.time, `t = ${step} / ${this.stage.steps - 1}`);
    const name = this.stage.header.text[playing ? "pause" : "play"];
    setText(this.play, playing ? "❚❚" : "▶");
    this.change?.setAttribute("aria-expanded", String(this.stage.surgery.open));
    if (this.play.title !== name) [this.play.title, this.play.ariaLabel] = [name, name];
  }

  /** Buttons that bring a model back; the tabs of a narrow screen do it there. */
  adders() {
    const { stage } = this;
    const { text, parts } = stage.header;
    const hidden = stage.narrow ? [] : parts.filter((part) => !stage.state.models.includes(part.key));
    return hidden.map((part) =>
      button(`+ ${part.name}`, fill(text.add, { model: part.name }), () => stage.addModel(part.key), { class: "add" }),
    );
  }

  /** The button that opens the panel of changes, where Python is there to make them. */
  changer() {
    const { surgery } = this.stage;
    this.change = null;
    if (!surgery.given) return "";
    this.change = element("button", { class: "change", title: surgery.text.open, onclick: () => surgery.toggleOpen() }, surgery.text.title);
    return this.change;
  }

  speed() {
    const { stage } = this;
    const options = SPEEDS.map((speed) => element("option", { value: speed, selected: speed === stage.state.speed }, `${speed}×`));
    const select = element("select", { "aria-label": stage.header.text.speed, title: stage.header.text.speed }, ...options);
    hear(select, "change", () => (stage.state.speed = Number(select.value)));
    return select;
  }

  /** How the score is shown: the order of units, the future, the scale, the zoom. */
  options() {
    const { stage } = this;
    const { text } = stage.header;
    const sorts = ["index", "activity", "tau"].map((sort) =>
      element("option", { value: sort, selected: sort === stage.state.sort }, text[`sort_${sort}`]),
    );
    const sort = element("select", {}, ...sorts);
    hear(sort, "change", () => stage.setOption("sort", sort.value));
    const check = (key, label) => {
      const box = element("input", { type: "checkbox", checked: stage.state[key] });
      hear(box, "change", () => stage.setOption(key, box.checked));
      return element("label", {}, box, label);
    };
    const menu = element(
      "div",
      { class: "menu" },
      element("label", {}, text.sort, sort),
      check("fade", text.fade),
      check("perUnit", text.perUnit),
      span("zoom", text.zoom, button("−", text.zoomOut, () => stage.zoom(1.5)), button("+", text.zoomIn, () => stage.zoom(1 / 1.5))),
      element("p", { class: "keys" }, text.keys, stage.surgery.given ? ` · ${stage.surgery.text.keys}` : null),
    );
    return element("details", { class: "options" }, element("summary", { title: text.view, "aria-label": text.view }, text.viewShort), menu);
  }
}

/** Keys of the stage; true when the key was ours. */
function handleKey(stage, event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && stage.surgery.open) {
    event.shiftKey ? stage.surgery.redo() : stage.surgery.undo();
    return true;
  }
  const far = event.shiftKey ? 5 : 1;
  const actions = {
    ArrowLeft: () => stage.move(-far),
    ArrowRight: () => stage.move(far),
    ArrowUp: () => stage.moveUnit(-1),
    ArrowDown: () => stage.moveUnit(1),
    Home: () => stage.goTo(0, { follow: true }),
    End: () => stage.goTo(stage.steps - 1, { follow: true }),
    " ": () => stage.togglePlay(),
    Escape: () => stage.escape(),
    m: () => stage.askAbout(stage.state.step),
    p: () => stage.pinHere(),
    e: () => stage.surgery.given && stage.surgery.toggleOpen(),
    "+": () => stage.zoom(1 / 1.5),
    "=": () => stage.zoom(1 / 1.5),
    "-": () => stage.zoom(1.5),
  };
  const action = actions[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return false;
  action();
  return true;
}

/** Whether a key belongs to the control that has the focus and not to the stage. */
function keyBelongsTo(target, { key, shiftKey }) {
  if (!target || !target.closest) return false;
  if (target.closest("textarea,select,[contenteditable=true],[role=textbox],[role=combobox],[role=listbox],[role=slider]")) return true;
  const input = target.closest("input");
  if (input?.closest(".surgery")) return true;
  if (input && input.type !== "range" && input.type !== "checkbox") return true;
  if (shiftKey && (key === "ArrowUp" || key === "ArrowDown") && target.closest(".lane-label")) return true;
  return key === " " && Boolean(target.closest("button,summary,input,a"));
}
