/** A matrix as a grid: a real table with headers, every number in it, moved through by keyboard. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { wordsOf } from "../../core/text/i18n";
import { Crosshair } from "./crosshair";
import type { MatrixProps } from "./data";
import { type Cell, moved } from "./grid_keys";
import "./matrix.css";
import { shownTheme } from "../theme";
import { table } from "../words";
import { Cells } from "./cells";
import { Live } from "./live";
import { isWhole, rangeHolding, type Window2 } from "./window";

export function Matrix(props: MatrixProps): JSX.Element {
  const { rows, columns, onCell, onWindow, selected } = props;
  const shown = props.window ?? { rows: [0, rows.length], columns: [0, columns.length] };
  const [focus, setFocus] = useState<Cell>({
    row: selected?.row ?? shown.rows[0],
    column: selected?.column ?? shown.columns[0],
  });
  const [pointedCell, setPointedCell] = useState<Cell | null>(null);
  const body = useRef<HTMLTableElement>(null);
  const focusPending = useRef(false);
  const stop = within(focus, shown);

  // By hand and not as a property of each cell: of two thousand cells, a key press changes two.
  useLayoutEffect(() => {
    const cell = cellElement(body.current, stop);
    for (const old of body.current?.querySelectorAll<HTMLElement>('td[tabindex="0"]') ?? []) {
      if (old !== cell) old.tabIndex = -1;
    }
    if (!cell) return;
    cell.tabIndex = 0;
    if (!focusPending.current) return;
    focusPending.current = false;
    cell.focus();
  });

  const goTo = (cell: Cell): void => {
    focusPending.current = true;
    setFocus(cell);
    setPointedCell(cell);
    const next = {
      rows: rangeHolding(shown.rows, cell.row, rows.length),
      columns: rangeHolding(shown.columns, cell.column, columns.length),
    };
    const moves = next.rows[0] !== shown.rows[0] || next.columns[0] !== shown.columns[0];
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
      : shown;
    const next = moved(at, event, bounds, shown.rows[1] - shown.rows[0]);
    if (!next) return;
    event.preventDefault();
    goTo(next);
  };
  const point = (event: Event): void => {
    const cell = cellOf(event.target);
    if (cell) setPointedCell((old) => (old && same(old, cell) ? old : cell));
  };

  return (
    <div class="matrix-frame">
      <div class="matrix-scroll">
        <div class="matrix-sheet">
          <table
            ref={body}
            class="matrix"
            role="grid"
            aria-label={props.label}
            aria-rowcount={rows.length + 1}
            aria-colcount={columns.length + 1}
            onKeyDown={onKeyDown}
            onPointerOver={point}
            onPointerLeave={() => setPointedCell(null)}
            onFocusIn={(event) => {
              point(event);
              const cell = cellOf(event.target);
              if (cell) setFocus(cell);
            }}
            onFocusOut={(event) => {
              // From one cell to the next, the next has been told of already.
              if (!cellOf(event.relatedTarget)) setPointedCell(null);
            }}
            onClick={(event) => {
              const cell = cellOf(event.target);
              if (cell) onCell?.(cell.row, cell.column);
            }}
          >
            <Cells
              {...props}
              shown={shown}
              theme={shownTheme.value}
              selectedRow={selected?.row ?? null}
              selectedColumn={selected?.column ?? null}
            />
          </table>
          <Crosshair table={body} row={selected?.row} column={selected?.column} kind="selected" />
          <Crosshair
            table={body}
            row={pointedCell?.row}
            column={pointedCell?.column}
            kind="pointed"
          />
        </div>
      </div>
      <Live {...props} shown={shown} cell={pointedCell ?? lockedCell(selected, shown)} />
      {!isWhole(shown, rows.length, columns.length) && (
        <p class="matrix-truncation">
          {wordsOf(table).windowed(shown.rows, shown.columns, [rows.length, columns.length])}
        </p>
      )}
      {props.children}
    </div>
  );
}

function same(one: Cell, other: Cell): boolean {
  return one.row === other.row && one.column === other.column;
}

function within({ row, column }: Cell, shown: Window2): Cell {
  const inside = (at: number, [start, stop]: readonly [number, number]): number =>
    Math.max(start, Math.min(at, stop - 1));
  return { row: inside(row, shown.rows), column: inside(column, shown.columns) };
}

function lockedCell(selected: MatrixProps["selected"], shown: Window2): Cell | null {
  const { row, column } = selected ?? {};
  if (row === null || row === undefined || column === null || column === undefined) return null;
  const clipped = within({ row, column }, shown);
  return clipped.row === row && clipped.column === column ? { row, column } : null;
}

function cellOf(target: EventTarget | null): Cell | null {
  const cell = target instanceof Element ? target.closest<HTMLElement>("td[data-row]") : null;
  return cell ? { row: Number(cell.dataset.row), column: Number(cell.dataset.column) } : null;
}

function cellElement(grid: HTMLElement | null, { row, column }: Cell): HTMLElement | null {
  return grid?.querySelector(`td[data-row="${row}"][data-column="${column}"]`) ?? null;
}
