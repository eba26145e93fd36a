/** What is shown, as data. */

import { attention, keyTokens, model, queryTokens, run, state } from "../../core/state/state";
import type { Range } from "../../draw/matrix/window";
import { lockedTile, overviewNow, pagesOf, partsOf } from "./data";

/** The weights on the screen; null stands for a masked cell. */
export function exported(): unknown {
  const [answer, entry] = [run.value, attention.value];
  if (!answer || !entry) return null;
  const locked = lockedTile.value;
  const { rows, columns } = locked?.window ?? { rows: [0, 0] as Range, columns: [0, 0] as Range };
  const pieces = (tokens: { piece: string }[], [start, stop]: Range): string[] =>
    tokens.slice(start, stop).map(({ piece }) => piece);
  return {
    model: model.value?.name ?? null,
    request: answer.request,
    text: answer.text,
    translation: answer.translation,
    locked: {
      part: entry.part,
      layer: entry.layer,
      head: state.head.value,
      path: `${entry.path}.weights`,
      rows_labelled_by: state.rows.value,
      queries: { of: entry.queries, shown: rows, tokens: pieces(queryTokens(entry.part), rows) },
      keys: { of: entry.keys, shown: columns, tokens: pieces(keyTokens(entry.part), columns) },
      weights: locked?.values ? inRows(locked.values, columns[1] - columns[0]) : null,
    },
    heads: partsOf(answer).flatMap((part) =>
      pagesOf(part).flatMap((page) => entropies(part.part, page)),
    ),
  };
}

function inRows(values: ArrayLike<number>, columns: number): (number | null)[][] {
  const lines: (number | null)[][] = [];
  for (let start = 0; start < values.length; start += columns) {
    lines.push(
      Array.from({ length: columns }, (_, at) => {
        const value = values[start + at]!;
        return Number.isNaN(value) ? null : value;
      }),
    );
  }
  return lines;
}

function entropies(part: ReturnType<typeof partsOf>[number]["part"], page: Range): unknown[] {
  const overview = run.value && overviewNow(run.value, part, page);
  if (!overview) return [];
  const [layers = 0, heads = 0] = overview.entropy.shape;
  return Array.from({ length: layers * heads }, (_, at) => ({
    part,
    layer: page[0] + Math.floor(at / heads),
    head: at % heads,
    mean_entropy_nats: overview.entropy.data[at],
  }));
}
