/** Which cell of a grid a key leads to, as the ARIA practice for grids has it. */

export interface Cell {
  row: number;
  column: number;
}

type Range = readonly [start: number, stop: number];

/** The next cell, clipped to the bounds; null for keys that do not move. */
export function nextCell(
  { row, column }: Cell,
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">,
  bounds: { rows: Range; columns: Range },
  page: number,
): Cell | null {
  if (event.altKey) return null;
  const corner = event.ctrlKey || event.metaKey;
  const [top, bottom] = [bounds.rows[0], bounds.rows[1] - 1];
  const [left, right] = [bounds.columns[0], bounds.columns[1] - 1];
  const targets: Record<string, Cell> = {
    ArrowUp: { row: row - 1, column },
    ArrowDown: { row: row + 1, column },
    ArrowLeft: { row, column: column - 1 },
    ArrowRight: { row, column: column + 1 },
    PageUp: { row: row - page, column },
    PageDown: { row: row + page, column },
    Home: { row: corner ? top : row, column: left },
    End: { row: corner ? bottom : row, column: right },
  };
  const target = targets[event.key];
  if (!target) return null;
  return {
    row: Math.max(top, Math.min(target.row, bottom)),
    column: Math.max(left, Math.min(target.column, right)),
  };
}
