/** Vectors as coloured cells on a canvas: how they wrap, where a cell lies, and painting them. */

import { scoreColour, type Theme } from "../../../draw/colours";

/** So wide at least is a cell on the screen; a long vector wraps rather than go below. */
const NARROWEST = 3.5;
/** Rows of several vectors are better read on one line each. */
const NARROWEST_ROWS = 2.5;
const WIDEST = 14;

export interface Layout {
  rows: number;
  columns: number;
  /** Cells on one line; a single vector may take several lines. */
  perLine: number;
  lines: number;
  width: number;
  lineHeight: number;
  gap: number;
  height: number;
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** How vectors lie in a room of so many pixels; lines grow with the type. */
export function layoutOf(rows: number, columns: number, room: number, scale = 1): Layout {
  let perLine = columns;
  // Halving keeps a head's components together where there are heads.
  while (perLine > 16 && room / perLine < (rows > 1 ? NARROWEST_ROWS : NARROWEST))
    perLine = Math.ceil(perLine / 2);
  const lines = Math.ceil(columns / perLine);
  const width = Math.min(room, perLine * WIDEST);
  const lineHeight = Math.round((rows === 1 && lines > 1 ? 11 : 18) * scale);
  const gap = rows > 1 ? 2 : 1;
  const height = rows * lines * (lineHeight + gap) - gap;
  return { rows, columns, perLine, lines, width, lineHeight, gap, height };
}

export function boxOf(layout: Layout, row: number, column: number): Box {
  const line = row * layout.lines + Math.floor(column / layout.perLine);
  const place = column % layout.perLine;
  // Edges on whole pixels: cells of equal looks, and no seams between them.
  const edge = (at: number): number => Math.round((at * layout.width) / layout.perLine);
  const left = edge(place);
  return {
    left,
    top: line * (layout.lineHeight + layout.gap),
    width: edge(place + 1) - left,
    height: layout.lineHeight,
  };
}

/** The cell at a point of the canvas. */
export function cellAt(
  layout: Layout,
  x: number,
  y: number,
): { row: number; column: number } | null {
  const line = Math.floor(y / (layout.lineHeight + layout.gap));
  const place = Math.floor((x * layout.perLine) / layout.width);
  const row = Math.floor(line / layout.lines);
  const column = (line % layout.lines) * layout.perLine + place;
  const inside =
    place >= 0 &&
    place < layout.perLine &&
    row >= 0 &&
    row < layout.rows &&
    column < layout.columns;
  return inside ? { row, column } : null;
}

export interface Painting {
  values: ArrayLike<number>;
  /** Where a row begins among the values. */
  begin: (row: number) => number;
  max: number;
  theme: Theme;
}

export function paintCells(canvas: HTMLCanvasElement, layout: Layout, painting: Painting): void {
  const { values, begin, max, theme } = painting;
  const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
  canvas.width = Math.max(1, Math.round(layout.width * ratio));
  canvas.height = Math.max(1, Math.round(layout.height * ratio));
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  for (let row = 0; row < layout.rows; row += 1) {
    const first = begin(row);
    for (let column = 0; column < layout.columns; column += 1) {
      const { left, top, width, height } = boxOf(layout, row, column);
      context.fillStyle = scoreColour(values[first + column] ?? 0, max, theme);
      context.fillRect(left, top, width, height);
    }
  }
}
