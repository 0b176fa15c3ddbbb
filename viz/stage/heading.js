// The heading of a model: its facts, the proof badge, and the buttons that arrange models.

function groupHeading(stage, part) {
  const { text } = stage.header;
  const about = element("div", { class: "about", hidden: true });
  const badge = element(
    "button",
    { class: `badge${part.proof.good ? "" : " doubtful"}`, "aria-expanded": "false", title: part.proof.note },
    part.proof.label,
  );
  hear(badge, "click", () => {
    about.hidden = !about.hidden;
    badge.setAttribute("aria-expanded", String(!about.hidden));
    if (!about.childNodes.length) about.append(...aboutModel(text, part));
    stage.score.measure();
    stage.score.drawOverlay();
  });
  const facts = span("facts", part.facts, part.score ? " · " : null, part.score ? element("b", {}, part.score) : null);
  const heading = element("h3", {}, span(`dot ${part.cell}`), part.name);
  return element("header", {}, div("title", heading, facts, badge, arrangement(stage, part)), about);
}

/** Up, down and remove; a single model cannot be removed. */
function arrangement(stage, part) {
  const { text } = stage.header;
  const place = stage.state.models.indexOf(part.key);
  const last = stage.state.models.length - 1;
  const name = (key) => fill(text[key], { model: part.name });
  return element(
    "span",
    { class: "arrange" },
    button("↑", name("moveUp"), () => stage.moveModel(part.key, -1), { disabled: place === 0 }),
    button("↓", name("moveDown"), () => stage.moveModel(part.key, 1), { disabled: place === last }),
    button("×", name("remove"), () => stage.removeModel(part.key), { disabled: last === 0 }),
  );
}

/** What the badge proves, the recipe, and the score of every seed. */
function aboutModel(text, part) {
  const rows = part.about.map(([label, value]) => [element("dt", {}, label), element("dd", {}, value)]);
  const { head, rows: seeds } = part.seeds;
  const table = seeds.length ? plainTable(head, seeds, text.scoresOfEverySeed) : null;
  return [element("p", {}, part.proof.note), table, element("dl", {}, ...rows.flat())].filter(Boolean);
}

function plainTable(head, rows, caption) {
  const cells = (tag, row) => element("tr", {}, ...row.map((value) => element(tag, tag === "th" ? { scope: "col" } : {}, String(value))));
  return element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, cells("th", head)),
    element("tbody", {}, ...rows.map((row) => cells("td", row))),
  );
}
