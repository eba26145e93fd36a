/** Where the words of the opening picture stand: two rows one above the other, or, where these are
 * too wide, two columns side by side. */

export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Layout {
  /** Rows of words with ribbons from top to bottom, or columns with ribbons from left to right. */
  upright: boolean;
  /** Pixels of the type. */
  size: number;
  keys: Place[];
  queries: Place[];
  width: number;
  height: number;
  /** Of a ribbon of weight 1, where all are measured by one scale. */
  widest?: number;
}

/** The width of a text at a size, in pixels. */
export type Measure = (text: string, size: number) => number;

/** Sizes of type that are tried for rows, the largest first. */
const SIZES = [28, 26, 24, 22, 20, 18];
const COLUMN_SIZE = 18;
/** Pixels around a word: a finger's width in all. */
const PAD = { x: 7, y: 5 };
const NARROW = 520;
const BETWEEN = { narrow: 96, wide: 150, columns: 0.34 };
const LINE = 32;

/** Lay out the words; `scale` enlarges the type, as for a projector, and `sizes` are tried for rows. */
export function layOut(
  keys: readonly string[],
  queries: readonly string[],
  width: number,
  measure: Measure,
  scale = 1,
  sizes = SIZES,
): Layout {
  for (const size of sizes.map((one) => one * scale)) {
    const rows = [keys, queries].map((words) => widths(words, size, measure));
    if (rows.every((row) => sum(row) + (row.length - 1) * leastGap(size) <= width))
      return inRows(rows as [number[], number[]], size, width);
  }
  return inColumns(keys, queries, width, measure, scale);
}

function widths(words: readonly string[], size: number, measure: Measure): number[] {
  return words.map((word) => Math.max(24, Math.ceil(measure(word, size)) + 2 * PAD.x));
}

function leastGap(size: number): number {
  return size * 0.15;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function inRows([keys, queries]: [number[], number[]], size: number, width: number): Layout {
  const height = Math.ceil(size * 1.35) + 2 * PAD.y;
  const between = width < NARROW ? BETWEEN.narrow : BETWEEN.wide;
  const row = (all: number[], y: number): Place[] => {
    const most = size * 1.1;
    const gap = all.length > 1 ? Math.min(most, (width - sum(all)) / (all.length - 1)) : 0;
    let x = (width - sum(all) - gap * (all.length - 1)) / 2;
    return all.map((each) => {
      const place = { x, y, width: each, height };
      x += each + gap;
      return place;
    });
  };
  return {
    upright: true,
    size,
    keys: row(keys, 0),
    queries: row(queries, height + between),
    width,
    height: 2 * height + between,
  };
}

function inColumns(
  keys: readonly string[],
  queries: readonly string[],
  width: number,
  measure: Measure,
  scale: number,
): Layout {
  const [size, line] = [COLUMN_SIZE * scale, LINE * scale];
  const [left, right] = [keys, queries].map((words) => widths(words, size, measure));
  const most = (width * (1 - BETWEEN.columns)) / 2;
  const lines = Math.max(keys.length, queries.length);
  const column = (all: number[], atEnd: boolean): Place[] =>
    all.map((each, at) => {
      const own = Math.min(each, most);
      // The shorter column is spread over the longer one's height.
      const y =
        all.length === lines ? at * line : ((at + 0.5) * lines * line) / all.length - line / 2;
      return { x: atEnd ? most - own : width - most, y, width: own, height: line - 2 };
    });
  return {
    upright: false,
    size,
    keys: column(left ?? [], true),
    queries: column(right ?? [], false),
    width,
    height: lines * line,
  };
}

/** The outline of a ribbon from a query to a key, as an SVG path: as wide as its weight is large. */
export function ribbon(layout: Layout, query: number, key: number, weight: number): string {
  const [from, to] = [layout.queries[query]!, layout.keys[key]!];
  const half = Math.max(0.6, (weight * widest(layout, from, to)) / 2);
  if (layout.upright) {
    const [x1, y1] = [from.x + from.width / 2, from.y];
    const [x2, y2] = [to.x + to.width / 2, to.y + to.height];
    const middle = (y1 + y2) / 2;
    return [
      `M${n(x1 - half)} ${n(y1)}C${n(x1 - half)} ${n(middle)} ${n(x2 - half)} ${n(middle)} ${n(x2 - half)} ${n(y2)}`,
      `L${n(x2 + half)} ${n(y2)}C${n(x2 + half)} ${n(middle)} ${n(x1 + half)} ${n(middle)} ${n(x1 + half)} ${n(y1)}Z`,
    ].join("");
  }
  const [x1, y1] = [from.x, from.y + from.height / 2];
  const [x2, y2] = [to.x + to.width, to.y + to.height / 2];
  const middle = (x1 + x2) / 2;
  return [
    `M${n(x1)} ${n(y1 - half)}C${n(middle)} ${n(y1 - half)} ${n(middle)} ${n(y2 - half)} ${n(x2)} ${n(y2 - half)}`,
    `L${n(x2)} ${n(y2 + half)}C${n(middle)} ${n(y2 + half)} ${n(middle)} ${n(y1 + half)} ${n(x1)} ${n(y1 + half)}Z`,
  ].join("");
}

/** The width of a ribbon of weight 1: narrower than either word. */
function widest(layout: Layout, from: Place, to: Place): number {
  if (layout.widest !== undefined) return layout.widest;
  return layout.upright ? Math.min(26, from.width - 6, to.width - 6) : 20;
}

function n(value: number): string {
  return value.toFixed(1);
}
