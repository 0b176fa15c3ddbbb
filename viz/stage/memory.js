// How long each network still knows one token: its state after another token stood there, against
// its state as it was, in units of the state's own spread. Computed in lstm_core, drawn here.

const MEMORY_HEIGHT = 54; // CSS pixels
const DASHES = { lstm: [], gru: [7, 4], rnn: [2, 3] };

class MemoryRow {
  constructor(stage) {
    this.stage = stage;
    const { text } = stage.header;
    this.canvas = picture();
    this.title = element("h3");
    this.legend = span("legend");
    this.choose = element("button", { class: "add", title: text.memoryChoose, onclick: () => stage.askAbout(stage.state.step) });
    this.root = element(
      "section",
      { class: "memory", "aria-label": text.memory },
      element("header", {}, div("title", this.title, element("span", { class: "facts", title: text.memoryNote }, text.memoryFacts), this.choose)),
      div("row", span("label", element("b", {}, text.memory), this.legend), this.canvas),
    );
  }

  /** What changing the chosen token makes, by step; of a changed model Python tells one row. */
  row(part) {
    const { asked } = this.stage.state;
    if (part.original) return part.memory && this.stage.surgery.given.asked === asked ? part.memory.data : null;
    return part.memory?.data.subarray(asked * part.steps, (asked + 1) * part.steps);
  }

  draw(width) {
    const { stage } = this;
    const { view, header } = stage;
    const { asked } = stage.state;
    const context = fitCanvas(this.canvas, width, MEMORY_HEIGHT);
    const column = width / view.count;
    const parts = stage.shownParts().filter((part) => this.row(part));
    const { given, mode } = stage.surgery;
    const other = mode !== "original" && given?.replaced[asked] !== undefined;
    const ghosts = other ? [] : stage.shownParts().map((part) => part.original).filter((part) => part?.memory);
    const most = Math.max(1e-9, ...[...ghosts, ...parts].map((part) => this.row(part).reduce((a, b) => Math.max(a, b || 0), 0)));
    context.fillStyle = stage.palettes.theme.panel;
    context.fillRect(0, 0, width, MEMORY_HEIGHT);
    for (const part of [...ghosts, ...parts]) {
      context.globalAlpha = parts.includes(part) ? 1 : 0.35;
      context.strokeStyle = stage.palettes.theme.cells[part.cell];
      context.lineWidth = 2;
      context.setLineDash(DASHES[part.cell]);
      context.beginPath();
      for (let t = view.from; t < view.from + view.count; t++) {
        context.lineTo((t - view.from + 0.5) * column, MEMORY_HEIGHT - 4 - (this.row(part)[t] / most) * (MEMORY_HEIGHT - 8));
      }
      context.stroke();
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
    context.fillStyle = stage.palettes.theme.accent;
    context.fillRect((asked - view.from + 0.5) * column - 1, 0, 2, MEMORY_HEIGHT);
    setText(this.title, fill(header.text.memoryTitle, { t: asked, token: other ? given.replaced[asked] : stage.glyph(asked), other: other ? given.other : header.replacements[asked] }));
  }

  /** What follows the step: the numbers under the cursor, the step that may be chosen. */
  update() {
    const { stage } = this;
    const { step, asked } = stage.state;
    const entries = stage.shownParts().filter((part) => this.row(part)).map((part) =>
      element("span", { style: `color:${stage.palettes.theme.cells[part.cell]}` }, `${part.name} ${formatNumber(this.row(part)[step], 2)}`),
    );
    refill(this.legend, ...entries);
    this.choose.hidden = step === asked;
    setText(this.choose, fill(stage.header.text.memoryChooseStep, { t: step }));
  }
}
