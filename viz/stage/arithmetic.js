// The numbers behind one unit at one step, recomputed from the weights. Nothing here draws.

/** The step that the cell read before `t`: the next one for a reversed direction. */
const before = (part, t) => (part.reverse ? t + 1 : t - 1);

/** `key` of `unit` at step `t`. */
const valueAt = (part, key, unit, t) => at(part.signals[key], t, unit);

/** h or c of `unit` just before step `t`; the initial state at the edge. */
function carried(part, key, unit, t) {
  const step = before(part, t);
  if (step >= 0 && step < part.steps) return valueAt(part, key, unit, step);
  return part.initial[key]?.data[unit] ?? 0;
}

/** The features that the cell reads at step `t`. */
function featuresAt(part, t) {
  const row = part.rows ? part.rows.data[t] : t;
  const width = part.inputs.shape[1];
  return part.inputs.data.subarray(row * width, (row + 1) * width);
}

/**
 * Every product in the pre-activation of `gate`, largest first, and their sum.
 * A GRU's candidate multiplies its recurrent part by the reset gate: `scale` is that r.
 */
function preactivation(part, gate, unit, t) {
  const row = part.packed.indexOf(gate) * part.units + unit;
  const { weight_ih: w, weight_hh: u, bias_ih: bi, bias_hh: bh } = part.weights;
  const scale = part.cell === "gru" && gate === "n" ? valueAt(part, "r", unit, t) : 1;
  const terms = [];
  featuresAt(part, t).forEach((x, k) => {
    if (x !== 0) terms.push({ kind: "W", k, weight: at(w, row, k), factor: x, scale: 1 });
  });
  for (let k = 0; k < u.shape[1]; k++) {
    const state = carried(part, "h", k, t);
    if (state !== 0) terms.push({ kind: "U", k, weight: at(u, row, k), factor: state, scale });
  }
  if (bi && scale !== 1) {
    terms.push({ kind: "b", k: -1, weight: bi.data[row], factor: 1, scale: 1 });
    terms.push({ kind: "bh", k: -1, weight: bh.data[row], factor: 1, scale });
  } else if (bi) {
    terms.push({ kind: "b", k: -1, weight: bi.data[row] + bh.data[row], factor: 1, scale: 1 });
  }
  for (const term of terms) term.value = term.weight * term.factor * term.scale;
  terms.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  return { terms, scale, sum: terms.reduce((total, term) => total + term.value, 0) };
}

/** Sums of the pre-activation by what they multiply: the input, the state before, nothing. */
function preactivationByKind(part, gate, unit, t) {
  const sums = { W: 0, U: 0, b: 0 };
  for (const term of preactivation(part, gate, unit, t).terms) sums[term.kind[0]] += term.value;
  return sums;
}
