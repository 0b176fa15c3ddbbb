// The stage in words: what to look at, what happens at a step, what a cell or an answer says.

/** What to look at in this sequence, for the models shown. */
function wholeSentence(stage) {
  const { text, lead } = stage.header;
  const said = stage.visibleParts().map((part) => part.sentence).filter(Boolean).join(text.join);
  const rest = said && said[0].toUpperCase() + said.slice(1) + text.stop;
  return [lead, rest].filter(Boolean).join(text.gap);
}

/** The chosen unit and the answers at this step, in words. */
function sentenceNow(stage) {
  const { text } = stage.header;
  const part = stage.focusedPart();
  const { step } = stage.state;
  const unit = stage.state.units[part.key];
  const value = (key) => formatNumber(valueAt(part, key, unit, step), 2);
  const percent = (key) => formatPercent(valueAt(part, key, unit, step));
  const fields = { t: step, last: stage.steps - 1, token: stage.glyph(step), model: part.name, unit, h: value("h") };
  if (part.cell === "lstm") Object.assign(fields, { f: percent("f"), i: percent("i"), g: value("g"), c: value("c"), past: formatNumber(carried(part, "c", unit, step), 2) });
  if (part.cell === "gru") Object.assign(fields, { z: percent("z"), n: value("n"), past: formatNumber(carried(part, "h", unit, step), 2) });
  const asked = stage.visibleParts().filter((each) => each.says && each.target.data[step] >= 0);
  return [fill(text[`now_${part.cell}`], fields), ...asked.map((each) => describeAnswer(stage, each, step))].join(" ");
}

/** "forget gate f · unit 13 · t = 38 · 0.713" */
function describeCell(stage, { part: key, key: signal, unit, t }) {
  const part = stage.part(key);
  const { name, symbol } = laneOf(part, signal);
  const was = valueBefore(part, signal, unit, t);
  const ghost = was === undefined ? "" : ` (${fill(stage.surgery.text.was, { value: formatNumber(was, 4) })})`;
  const value = formatNumber(valueAt(part, signal, unit, t), 4) + ghost;
  return fill(stage.header.text.cellTip, { model: part.name, name, symbol, unit, t, value, token: stage.glyph(t) });
}

/** What a model answers at a step, in words. */
function describeAnswer(stage, part, t) {
  const { text } = stage.header;
  const says = part.classes[part.says.data[t]] ?? "NaN";
  const target = part.target.data[t];
  const fields = { model: part.name, t, says, share: formatPercent(part.top.data[t]) };
  if (target < 0) return fill(text.answerFree, fields);
  const was = flipped(part, t) ? ` ${fill(stage.surgery.text.wasAnswer, { says: part.classes[part.original.says.data[t]] })}` : "";
  const right = part.says.data[t] === target;
  const more = { target: part.classes[target], correct: formatPercent(part.correct.data[t]) };
  return fill(right ? text.answerRight : text.answerWrong, { ...fields, ...more }) + was;
}
