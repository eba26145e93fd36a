/** Windows of large matrices: which rows and columns are on the screen. */

export type Range = [start: number, stop: number];

export interface Window2 {
  rows: Range;
  columns: Range;
}

/** So many rows and columns are shown at once. */
export const WINDOW_MOST = 48;

/** The range of at most `most` of `of` that begins at `start`, or as near to it as fits. */
export function rangeFrom(start: number, of: number, most = WINDOW_MOST): Range {
  const size = Math.min(most, of);
  const first = Math.max(0, Math.min(Math.round(start), of - size));
  return [first, first + size];
}

/** The range, moved as little as needed to hold an index. */
export function rangeHolding([start, stop]: Range, index: number, of: number): Range {
  if (index < start) return rangeFrom(index, of, stop - start);
  if (index >= stop) return rangeFrom(index - (stop - start) + 1, of, stop - start);
  return [start, stop];
}

/** The range around an index. */
export function rangeAround(index: number, of: number, most = WINDOW_MOST): Range {
  return rangeFrom(index - Math.floor(Math.min(most, of) / 2), of, most);
}

export function isWhole(window: Window2, rows: number, columns: number): boolean {
  return (
    window.rows[0] === 0 &&
    window.rows[1] === rows &&
    window.columns[0] === 0 &&
    window.columns[1] === columns
  );
}
