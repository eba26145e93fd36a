/** The result of a sweep as grids of rows and columns. */

import type { Sweep } from "../../core/protocol";

/** Rows by columns; for edges there is one for each module. */
export interface Grid {
  /** The axes of its rows and columns; a column of nothing where there is one axis alone. */
  rowAxis: string;
  columnAxis: string | null;
  rows: string[];
  columns: string[];
  /** Row-major; NaN where there is nothing. */
  values: number[];
}

export interface Effect {
  /** An entry of each axis, by number. */
  index: number[];
  value: number;
  metric: number;
  /** Of the way from the edited run to the one patched from; null where there is no way. */
  share: number | null;
}

/** The modules that have a grid of their own: those of edges. */
export function modulesOf(sweep: Sweep): string[] {
  return sweep.axes.length > 2 ? (sweep.axes[0]?.entries ?? []) : [];
}

export function gridOf(sweep: Sweep, module: number): Grid {
  const axes = sweep.axes.length > 2 ? sweep.axes.slice(1) : sweep.axes;
  const [rowAxis, columnAxis] = axes;
  const rows = rowAxis?.entries ?? [];
  const columns = columnAxis?.entries ?? [""];
  const size = rows.length * columns.length;
  const first = sweep.axes.length > 2 ? module * size : 0;
  return {
    rowAxis: rowAxis?.name ?? "module",
    columnAxis: columnAxis?.name ?? null,
    rows: labelsOf(sweep, rowAxis?.name ?? "", rows),
    columns: labelsOf(sweep, columnAxis?.name ?? "", columns),
    values: sweep.values.slice(first, first + size).map((value) => value ?? Number.NaN),
  };
}

/** Names as they are shown: of modules without what all share, of positions with their tokens. */
export function labelsOf(sweep: Sweep, axis: string, entries: readonly string[]): string[] {
  if (axis === "module") return shortNames(entries);
  if (axis !== "position" && axis !== "query" && axis !== "key") return [...entries];
  const tokens = sweep.tokens.edited;
  // Of a model with two stacks a position may be one of either text: numbers alone then.
  if (!tokens || sweep.tokens.decoder) return [...entries];
  return entries.map((entry) => [entry, tokens[Number(entry)] ?? ""].join(" ").trim());
}

/** Names of modules without the parts at both ends that all have in common. */
export function shortNames(names: readonly string[]): string[] {
  const parts = names.map((name) => name.split("."));
  const [first = []] = parts;
  if (names.length < 2) return [...names];
  const least = Math.min(...parts.map(({ length }) => length));
  const same = (place: number): boolean => parts.every((own) => own.at(place) === first.at(place));
  let begin = 0;
  while (begin < least - 1 && same(begin)) begin += 1;
  let end = 0;
  while (end < least - begin - 1 && same(-1 - end)) end += 1;
  const short = parts.map((own) => own.slice(begin, own.length - end).join("."));
  return new Set(short).size === short.length ? short : [...names];
}

/** All effects, the largest first. */
export function effectsOf(sweep: Sweep): Effect[] {
  const sizes = sweep.axes.map(({ entries }) => entries.length);
  const effects: Effect[] = [];
  sweep.values.forEach((value, place) => {
    if (value !== null) effects.push(effectOf(sweep, indexOf(place, sizes), value));
  });
  return effects.sort((one, other) => Math.abs(other.value) - Math.abs(one.value));
}

export function effectOf(sweep: Sweep, index: number[], value: number): Effect {
  const way = sweep.target === null ? 0 : sweep.target - sweep.before;
  return { index, value, metric: sweep.before + value, share: way === 0 ? null : value / way };
}

function indexOf(place: number, sizes: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of [...sizes].reverse()) {
    index.unshift(place % size);
    place = Math.floor(place / size);
  }
  return index;
}

/** The places at which two texts differ, where they have as many tokens. */
export function differences(sweep: Sweep): Set<number> {
  const { edited, source } = sweep.tokens;
  if (!edited || !source || edited.length !== source.length) return new Set();
  return new Set(edited.flatMap((token, place) => (token === source[place] ? [] : [place])));
}
