// A model as it was, as it is after changes, and the difference of both, each drawn like a model.

/** Give every part its versions; without changes all of them are the part itself. */
function addVersions(part) {
  index(part);
  part.versions = { original: part, changed: part, difference: part };
  if (!part.changed) return;
  const { lanes, difference, ...over } = part.changed;
  const changed = { ...part, ...over, original: part, lanes: part.lanes.map((lane, k) => ({ ...lane, ...lanes[k] })) };
  const gap = { ...changed, lanes: difference.map((lane, k) => ({ ...lane, values: minus(changed.lanes[k].values, part.lanes[k].values) })) };
  part.versions = { original: part, changed: index(changed), difference: index(gap) };
  changed.versions = gap.versions = part.versions;
}

const minus = (a, b) => ({ data: a.data.map((value, k) => value - b.data[k]), shape: a.shape });

/** Find signals by their keys. */
function index(part) {
  part.signals = Object.fromEntries(part.lanes.map((lane) => [lane.key, lane.values]));
  return part;
}

const laneOf = (part, key) => part.lanes.find((lane) => lane.key === key);

/** Whether `key` of `unit` was changed at step `t` after it was computed. */
function changedAt(stage, part, key, unit, t) {
  const here = ({ problem, change }) =>
    !problem && change.on !== false && change.signal === key && change.model === part.model && !(change.units && !change.units.includes(unit)) &&
    (change.layer === undefined || change.layer === part.layer) && (change.direction ?? 0) === Number(part.reverse) && spansOf(change, stage.steps).some(([from, to]) => t >= from && t < to);
  return Boolean(part.original) && stage.surgery.given.items.some(here);
}

/** The steps of a change as pairs, the second of which is the first one left alone. */
const spansOf = ({ times }, steps) => (times ?? [[0, steps]]).map((span) => (Array.isArray(span) ? [span[0], span[1] ?? steps] : [span, span + 1]));

/** What `key` of `unit` was at step `t` before the changes; undefined where it is the same. */
function valueBefore(part, key, unit, t) {
  if (!part.original) return undefined;
  const [was, is] = [valueAt(part.original, key, unit, t), valueAt(part, key, unit, t)];
  return Object.is(was, is) ? undefined : was;
}

/** Whether a model says something else at step `t` than before the changes. */
const flipped = (part, t) => Boolean(part.original?.says) && part.says.data[t] !== part.original.says.data[t];
