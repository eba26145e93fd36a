/** A matrix as a grid: a real table with headers, every number in it, moved through by keyboard. */

import type { ComponentChildren, JSX } from "preact";
import { memo } from "preact/compat";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { words } from "../core/i18n";
import { Num } from "../core/number";
import { bytesOf, hex, inkOn, type Kind, type Theme } from "./colours";
import { Crosshair } from "./crosshair";
import { moved, type Cell } from "./grid_keys";
import "./matrix.css";
import { cellText, isMasked, type MatrixData } from "./picture_items";
import { hatchSegments } from "./scene";
import { shownTheme } from "./theme";
import { isWhole, rangeHolding, type Window2 } from "./window";
import { table } from "./words";

export interface MatrixProps {
  /** Which matrix this is: the table's name. */
  label: string;
  kind: Kind;
  /** Labels of all rows and columns, those outside the window included. */
  rows: readonly string[];
  columns: readonly string[];
  /** What the rows and the columns are; "queries" and "keys" unless said otherwise. */
  rowTitle?: string;
  columnTitle?: string;
  /** Row-major numbers of the window. Minus infinity and NaN are masked cells; null is not there yet. */
  values: ArrayLike<number> | null;
  /** The part that is shown; all of it where not given. At most 48 by 48 are meant to be. */
  window?: Window2;
  /** Move the window, for arrow keys that walk out of it. */
  onWindow?: (window: Window2) => void;
  /** The end of a score scale, symmetric around 0. */
  max?: number;
  /** Whether a cell (of the whole matrix) is masked. */
  masked?: (row: number, column: number) => boolean;
  /** The locked row and column, of the whole matrix. */
  selected?: { row?: number | null; column?: number | null };
  /** A cell was clicked, or Enter or Space pressed on it. */
  onCell?: (row: number, column: number) => void;
  /** Where a cell's number comes from: the live line then holds the number as a button. */
  from?: { path: string; index: (row: number, column: number) => number[] };
  /** A cell in words, instead of the usual sentence. */
  describe?: (row: number, column: number, value: number, masked: boolean) => string;
  children?: ComponentChildren;
}

/** Pixels of a cell's side: large enough for a number where there are few, never under 13. */
export function cellSize(rows: number, columns: number): number {
  const most = Math.max(rows, columns);
  if (most <= 16) return 34;
  return most <= 28 ? 22 : 15;
}

const NUMBERS_FROM = 30;

export function Matrix(props: MatrixProps): JSX.Element {
  const { rows, columns, onCell, onWindow, selected } = props;
  const shown = props.window ?? { rows: [0, rows.length], columns: [0, columns.length] };
  const [focus, setFocus] = useState<Cell>({
    row: selected?.row ?? shown.rows[0],
    column: selected?.column ?? shown.columns[0],
  });
  const [pointed, setPointed] = useState<Cell | null>(null);
  const body = useRef<HTMLTableElement>(null);
  const wanted = useRef(false);
  const stop = within(focus, shown);

  useLayoutEffect(() => {
    if (!wanted.current) return;
    const cell = cellElement(body.current, stop);
    if (!cell) return;
    wanted.current = false;
    cell.focus();
  });

  const goTo = (cell: Cell): void => {
    wanted.current = true;
    setFocus(cell);
    setPointed(cell);
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
    if (cell) setPointed((old) => (old && same(old, cell) ? old : cell));
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
            onPointerLeave={() => setPointed(null)}
            onFocusIn={(event) => {
              point(event);
              const cell = cellOf(event.target);
              if (cell) setFocus(cell);
            }}
            onFocusOut={(event) => {
              // From one cell to the next, the next has been told of already.
              if (!cellOf(event.relatedTarget)) setPointed(null);
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
              stopRow={stop.row}
              stopColumn={stop.column}
            />
          </table>
          <Crosshair table={body} row={selected?.row} column={selected?.column} kind="selected" />
          <Crosshair table={body} row={pointed?.row} column={pointed?.column} kind="pointed" />
        </div>
      </div>
      <Live {...props} shown={shown} cell={pointed ?? lockedCell(selected, shown)} />
      {!isWhole(shown, rows.length, columns.length) && (
        <p class="matrix-truncation">
          {words(table).windowed(shown.rows, shown.columns, [rows.length, columns.length])}
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

interface CellsProps extends MatrixProps {
  shown: Window2;
  theme: Theme;
  selectedRow: number | null;
  selectedColumn: number | null;
  stopRow: number;
  stopColumn: number;
}

/** The window's numbers as the drawing helpers want them. */
function dataOf(props: MatrixProps & { shown: Window2 }): MatrixData {
  const { shown, masked } = props;
  const [top, left] = [shown.rows[0], shown.columns[0]];
  return {
    kind: props.kind,
    values: props.values ?? [],
    rows: shown.rows[1] - top,
    columns: shown.columns[1] - left,
    max: props.max ?? 0,
    ...(masked && { masked: (row, column) => masked(row + top, column + left) }),
  };
}

const CellsOnce = memo((props: CellsProps) => {
  const { shown, rows, columns, theme } = props;
  const data = dataOf(props);
  const size = cellSize(data.rows, data.columns);
  const { queries, keys } = words(table);
  const numbers = size >= NUMBERS_FROM;
  const indices = (range: readonly [number, number]): number[] =>
    Array.from({ length: range[1] - range[0] }, (_, at) => range[0] + at);
  return (
    <>
      <thead>
        <tr aria-rowindex={1}>
          <td class="matrix-corner" aria-colindex={1}>
            <span class="matrix-corner-keys">{props.columnTitle ?? keys} →</span>
            <span class="matrix-corner-queries">{props.rowTitle ?? queries} ↓</span>
          </td>
          {indices(shown.columns).map((column) => (
            <th
              key={column}
              scope="col"
              aria-colindex={column + 2}
              class={column === props.selectedColumn ? "chosen" : undefined}
            >
              <span title={columns[column]}>{columns[column]}</span>
            </th>
          ))}
        </tr>
      </thead>
      <tbody class={numbers ? "with-numbers" : "without-numbers"}>
        {indices(shown.rows).map((row, line) => (
          <tr key={row} aria-rowindex={row + 2}>
            <th
              scope="row"
              aria-colindex={1}
              class={row === props.selectedRow ? "chosen" : undefined}
            >
              <span title={rows[row]}>{rows[row]}</span>
            </th>
            {indices(shown.columns).map((column, place) =>
              cellView(props, data, { row, column, line, place, size, numbers, theme }),
            )}
          </tr>
        ))}
      </tbody>
    </>
  );
});

/** What changes for every render of the parent, and draws nothing, is left out of the comparison. */
const Cells = (props: CellsProps): JSX.Element => {
  const { onCell, onWindow, describe, from, children, selected, masked, shown, ...drawn } = props;
  const [top, bottom] = shown.rows;
  const [left, right] = shown.columns;
  const window = useMemo(
    () => ({ rows: [top, bottom], columns: [left, right] }) as Window2,
    [top, bottom, left, right],
  );
  return <CellsOnce {...drawn} masked={masked} shown={window} window={window} />;
};

interface Placed extends Cell {
  line: number;
  place: number;
  size: number;
  numbers: boolean;
  theme: Theme;
}

function cellView(props: CellsProps, data: MatrixData, at: Placed): JSX.Element {
  const { row, column, line, place, size, numbers, theme } = at;
  const value = data.values[line * data.columns + place];
  const masked = value !== undefined && isMasked(data, line, place);
  const text = value === undefined ? "…" : masked ? words(table).maskedShort : cellText(data.kind, value);
  const bytes = masked || value === undefined ? null : bytesOf(data.kind, value, data.max ?? 0, theme);
  const side = `${size}px`;
  const chosen = row === props.selectedRow && column === props.selectedColumn;
  return (
    <td
      key={column}
      class={masked ? "masked" : undefined}
      style={{
        width: side,
        minWidth: side,
        height: side,
        ...(bytes && { background: hex(bytes), color: inkOn(bytes) }),
      }}
      aria-colindex={column + 2}
      aria-selected={chosen}
      aria-label={masked || !numbers ? text : undefined}
      tabIndex={row === props.stopRow && column === props.stopColumn ? 0 : -1}
      data-row={row}
      data-column={column}
    >
      {masked ? <Hatch size={size} /> : numbers ? text : null}
    </td>
  );
}

const hatchPaths = new Map<number, string>();

function Hatch({ size }: { size: number }): JSX.Element {
  let path = hatchPaths.get(size);
  if (path === undefined) {
    const spacing = size / Math.max(2, Math.round(size / 6));
    path = hatchSegments({ x: 0, y: 0, width: size, height: size, spacing })
      .map(([x1, y1, x2, y2]) => `M${x1} ${y1}L${x2} ${y2}`)
      .join("");
    hatchPaths.set(size, path);
  }
  return (
    <svg viewBox={`0 0 ${size} ${size}`} width={size} height={size} aria-hidden="true">
      <path d={path} class="hatch-line" />
    </svg>
  );
}

interface LiveProps extends MatrixProps {
  shown: Window2;
  cell: Cell | null;
}

/** The pointed, focused or locked cell in words. */
function Live(props: LiveProps): JSX.Element {
  const told = words(table);
  const { cell, shown, kind } = props;
  if (!cell) return <p class="matrix-live soft" role="status">{told.pointAtCell}</p>;
  const data = dataOf(props);
  const [line, place] = [cell.row - shown.rows[0], cell.column - shown.columns[0]];
  const value = data.values[line * data.columns + place];
  if (value === undefined || line < 0 || place < 0) {
    return <p class="matrix-live soft" role="status">…</p>;
  }
  const masked = isMasked(data, line, place);
  const row = told.row(props.rows[cell.row] ?? "", cell.row);
  const column = told.column(props.columns[cell.column] ?? "", cell.column);
  const exact = masked ? told.masked : told.value(kind, exactText(value));
  return (
    <p class="matrix-live" role="status">
      {props.describe?.(cell.row, cell.column, value, masked) ?? told.between(row, column, exact)}
      {props.from && !masked && (
        <>
          {" "}
          <Num
            path={props.from.path}
            index={props.from.index(cell.row, cell.column)}
            value={value}
            label={told.value(kind, "")}
          />
        </>
      )}
    </p>
  );
}

/** Four significant digits, and more zeros rather than an exponent where there is room. */
export function exactText(value: number): string {
  if (value === 0) return "0";
  const text = Math.abs(value) >= 1e-4 ? String(Number(value.toPrecision(4))) : value.toExponential(3);
  return text.replaceAll("-", "−");
}
