/** Which cell of a matrix has the focus and which is pointed at, and the events that change it. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { MatrixProps } from "./data";
import { type Cell, nextCell } from "./grid_keys";
import { rangeHolding, type Window2 } from "./window";

interface GridFocus {
  grid: RefObject<HTMLTableElement | null>;
  pointedCell: Cell | null;
  onKeyDown: (event: KeyboardEvent) => void;
  onPointerOver: (event: Event) => void;
  onPointerLeave: () => void;
  onFocusIn: (event: FocusEvent) => void;
  onFocusOut: (event: FocusEvent) => void;
  onClick: (event: Event) => void;
}

/** One stop of the Tab key in the whole grid; from there, keys lead on. */
export function useGridFocus(props: MatrixProps, visibleWindow: Window2): GridFocus {
  const { rows, columns, onCell, onWindow, selected } = props;
  const [focus, setFocus] = useState<Cell>({
    row: selected?.row ?? visibleWindow.rows[0],
    column: selected?.column ?? visibleWindow.columns[0],
  });
  const [pointedCell, setPointedCell] = useState<Cell | null>(null);
  const grid = useRef<HTMLTableElement>(null);
  const focusPending = useRef(false);
  useTabStop(grid, nearestCell(focus, visibleWindow), focusPending);

  const goTo = (cell: Cell): void => {
    focusPending.current = true;
    setFocus(cell);
    setPointedCell(cell);
    const next = {
      rows: rangeHolding(visibleWindow.rows, cell.row, rows.length),
      columns: rangeHolding(visibleWindow.columns, cell.column, columns.length),
    };
    const moves =
      next.rows[0] !== visibleWindow.rows[0] || next.columns[0] !== visibleWindow.columns[0];
    if (moves) onWindow?.(next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = cellOf(event.target);
    if (!at) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onCell?.(at.row, at.column);
      return;
    }
    const bounds = onWindow
      ? { rows: [0, rows.length] as const, columns: [0, columns.length] as const }
      : visibleWindow;
    const next = nextCell(at, event, bounds, visibleWindow.rows[1] - visibleWindow.rows[0]);
    if (!next) return;
    event.preventDefault();
    goTo(next);
  };
  const point = (event: Event): void => {
    const cell = cellOf(event.target);
    if (cell) setPointedCell((old) => (old && isSameCell(old, cell) ? old : cell));
  };
  return {
    grid,
    pointedCell,
    onKeyDown,
    onPointerOver: point,
    onPointerLeave: () => setPointedCell(null),
    onFocusIn: (event) => {
      point(event);
      const cell = cellOf(event.target);
      if (cell) setFocus(cell);
    },
    onFocusOut: (event) => {
      // From one cell to the next, the next is pointed at already.
      if (!cellOf(event.relatedTarget)) setPointedCell(null);
    },
    onClick: (event) => {
      const cell = cellOf(event.target);
      if (cell) onCell?.(cell.row, cell.column);
    },
  };
}

/** By hand and not as a property of each cell: of two thousand cells, a key press changes two. */
function useTabStop(
  grid: RefObject<HTMLTableElement | null>,
  stop: Cell,
  focusPending: RefObject<boolean>,
): void {
  useLayoutEffect(() => {
    const cell = cellElement(grid.current, stop);
    for (const old of grid.current?.querySelectorAll<HTMLElement>('td[tabindex="0"]') ?? []) {
      if (old !== cell) old.tabIndex = -1;
    }
    if (!cell) return;
    cell.tabIndex = 0;
    if (!focusPending.current) return;
    focusPending.current = false;
    cell.focus();
  });
}

/** The cell of a window that is nearest to a cell. */
export function nearestCell({ row, column }: Cell, visibleWindow: Window2): Cell {
  const inside = (at: number, [start, stop]: readonly [number, number]): number =>
    Math.max(start, Math.min(at, stop - 1));
  return { row: inside(row, visibleWindow.rows), column: inside(column, visibleWindow.columns) };
}

function isSameCell(one: Cell, other: Cell): boolean {
  return one.row === other.row && one.column === other.column;
}

function cellOf(target: EventTarget | null): Cell | null {
  const cell = target instanceof Element ? target.closest<HTMLElement>("td[data-row]") : null;
  return cell ? { row: Number(cell.dataset.row), column: Number(cell.dataset.column) } : null;
}

function cellElement(grid: HTMLElement | null, { row, column }: Cell): HTMLElement | null {
  return grid?.querySelector(`td[data-row="${row}"][data-column="${column}"]`) ?? null;
}
