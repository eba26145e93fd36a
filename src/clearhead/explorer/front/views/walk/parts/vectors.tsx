/** One vector, or several below one another, as strips of coloured cells. Every number is reached:
 * by pointing, or by arrow keys through a grid of which only the cells around the focus exist. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Num } from "../../../where_from/number";
import { words } from "../../../core/text/i18n";
import { moved, type Cell } from "../../../draw/matrix/grid_keys";
import { shownTheme } from "../../../draw/theme";
import { scaleMark } from "../../../draw/scene/items";
import { boxOf, cellAt, layoutOf, paintCells, type Layout } from "./cells";
import type { Slice } from "./loaded";
import { Roving } from "./roving";
import { table } from "../words";

export interface VectorsProps {
  /** What the numbers are: the grid's name. */
  label: string;
  from: Slice;
  columns: number;
  /** Index in the whole array of a row's component. */
  index: (row: number, column: number) => number[];
  /** Labels of the rows; one row without labels where not given. */
  rows?: { label: string; chosen?: boolean; extra?: JSX.Element }[];
  /** A row's label was chosen. */
  onRow?: (row: number) => void;
  /** The end of the colour scale. */
  max: number;
  /** A part of the vector that is bracketed: this head's among all. */
  span?: [number, number];
  /** The colours' scale is said elsewhere. */
  sameScale?: boolean;
}

const LABEL = -1;

export function Vectors(props: VectorsProps): JSX.Element {
  const { from, columns, index, rows = [{ label: "" }], onRow } = props;
  const t = words(table);
  const start = Math.max(
    0,
    rows.findIndex((row) => row.chosen),
  );
  const [focus, setFocus] = useState<Cell>({ row: start, column: 0 });
  const [pointed, setPointed] = useState<Cell | null>(null);
  const [room, setRoom] = useState(0);
  const frame = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLSpanElement>(null);
  const wanted = useRef(false);
  const layout = layoutOf(rows.length, columns, room || 320);
  const value = (row: number, column: number): number => from.at(...index(row, column));

  useLayoutEffect(() => setFocus((old) => ({ ...old, row: start })), [start]);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = (): void => setRoom(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    frame.current?.querySelector<HTMLElement>("[tabindex='0']")?.focus();
  });

  const at = {
    row: Math.min(focus.row, rows.length - 1),
    column: Math.min(focus.column, columns - 1),
  };
  const read = pointed ?? { ...at, column: Math.max(0, at.column) };
  const open = (): void => readout.current?.querySelector("button")?.click();

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (at.column === LABEL) onRow?.(at.row);
      else open();
      return;
    }
    const next = step(at, event, layout, onRow ? LABEL : 0);
    if (!next) return;
    event.preventDefault();
    wanted.current = true;
    setFocus(next);
  };
  const cellOf = (event: MouseEvent): Cell | null => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return cellAt(layout, event.clientX - box.left, event.clientY - box.top);
  };
  const reading = (
    <span class="walk-reading" ref={readout}>
      {rows[read.row]?.label && <span class="walk-piece">{rows[read.row]?.label}</span>}
      <span>{t.component(read.column, columns - 1)}</span>
      <Num
        path={from.path}
        index={index(read.row, read.column)}
        value={value(read.row, read.column)}
        label={`${props.label}, ${rows[read.row]?.label ?? ""} ${t.component(read.column, columns - 1)}`}
      />
    </span>
  );
  const rowHeight = layout.lines * (layout.lineHeight + layout.gap);
  return (
    <div class="walk-vectors">
      <p class="walk-readout">
        <span class="walk-caption">{props.label}</span>
        {!props.rows && reading}
        {!props.sameScale && <span class="walk-ends">{t.scale(scaleMark(props.max))}</span>}
      </p>
      <div class="walk-vectors-body">
        {props.rows && <Labels {...props} rowHeight={rowHeight} />}
        <div
          ref={frame}
          class="walk-vectors-cells"
          style={{ height: `${layout.height}px` }}
          onKeyDown={onKeyDown}
        >
          {room > 0 && <Picture {...props} rowCount={rows.length} layout={layout} />}
          <div
            class="walk-vectors-touch"
            style={{ width: `${layout.width}px`, height: `${layout.height}px` }}
            onPointerMove={(event) => setPointed(cellOf(event))}
            onPointerLeave={() => setPointed(null)}
            onClick={(event) => {
              const cell = cellOf(event);
              if (cell) setFocus(cell);
            }}
          />
          {rows.map((row, place) =>
            row.chosen && rows.length > 1 ? <Band key={place} layout={layout} row={place} /> : null,
          )}
          {props.span && <Span layout={layout} span={props.span} />}
          <Stops
            {...props}
            layout={layout}
            at={at}
            value={value}
            labels={rows.map((row) => row.label)}
          />
        </div>
      </div>
      {props.rows && <p class="walk-readout below">{reading}</p>}
    </div>
  );
}

/** The rows' names, for the mouse; the grid has them as headers. What stands beside them is one
 * stop of the Tab key. */
function Labels({
  rows = [],
  onRow,
  label,
  rowHeight,
}: VectorsProps & { rowHeight: number }): JSX.Element {
  const all = rows.map((row, place) => (
    <div
      key={place}
      class={row.chosen ? "walk-vectors-label chosen" : "walk-vectors-label"}
      style={{ height: `${rowHeight}px` }}
    >
      <span class="walk-vectors-name" title={row.label} onClick={() => onRow?.(place)}>
        {row.label}
      </span>
      {row.extra}
    </div>
  ));
  return rows.some((row) => row.extra) ? (
    <Roving class="walk-vectors-labels" label={label}>
      {all}
    </Roving>
  ) : (
    <div class="walk-vectors-labels">{all}</div>
  );
}

/** Where a key leads. In a vector that wraps, up and down go to the line above and below. */
function step(at: Cell, event: KeyboardEvent, layout: Layout, first: number): Cell | null {
  const bounds = { rows: [0, layout.rows] as const, columns: [first, layout.columns] as const };
  if (
    layout.rows === 1 &&
    layout.lines > 1 &&
    (event.key === "ArrowUp" || event.key === "ArrowDown")
  ) {
    const column = at.column + (event.key === "ArrowUp" ? -1 : 1) * layout.perLine;
    return column >= 0 && column < layout.columns ? { ...at, column } : at;
  }
  return moved(at, event, bounds, 10);
}

interface PictureProps extends VectorsProps {
  rowCount: number;
  layout: Layout;
}

function Picture({ layout, index, max, from, rowCount, columns }: PictureProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = shownTheme.value;
  useLayoutEffect(() => {
    const begin = (row: number): number => from.offset(index(row, 0));
    if (canvas.current)
      paintCells(canvas.current, layout, { values: from.values, begin, max, theme });
  }, [from.array, layout.width, layout.height, layout.perLine, max, theme, rowCount, columns]);
  return (
    <canvas
      ref={canvas}
      aria-hidden="true"
      style={{ width: `${layout.width}px`, height: `${layout.height}px` }}
    />
  );
}

function Band({ layout, row }: { layout: Layout; row: number }): JSX.Element {
  const top = boxOf(layout, row, 0).top;
  const height = layout.lines * (layout.lineHeight + layout.gap) - layout.gap;
  return (
    <div
      class="walk-vectors-band"
      aria-hidden="true"
      style={{ top: `${top}px`, height: `${height}px`, width: `${layout.width}px` }}
    />
  );
}

/** A bracket under a part of the vector, line by line where it wraps. */
function Span({ layout, span }: { layout: Layout; span: [number, number] }): JSX.Element {
  const boxes = [];
  for (let at = span[0]; at < span[1]; ) {
    const stop = Math.min(span[1], (Math.floor(at / layout.perLine) + 1) * layout.perLine);
    const [first, last] = [boxOf(layout, 0, at), boxOf(layout, 0, stop - 1)];
    boxes.push({ ...first, width: last.left + last.width - first.left });
    at = stop;
  }
  return (
    <>
      {boxes.map((box, place) => (
        <div
          key={place}
          class="walk-vectors-band"
          aria-hidden="true"
          style={{
            left: `${box.left}px`,
            top: `${box.top}px`,
            width: `${box.width}px`,
            height: `${box.height}px`,
          }}
        />
      ))}
    </>
  );
}

interface StopsProps extends VectorsProps {
  layout: Layout;
  at: Cell;
  value: (row: number, column: number) => number;
  labels: string[];
}

/** The cell with the focus and its neighbours, as elements: a screen reader hears each in turn. */
function Stops({
  layout,
  at,
  value,
  labels,
  label: name,
  rows,
  onRow,
  columns,
}: StopsProps): JSX.Element {
  const t = words(table);
  const around = [at.column - 1, at.column, at.column + 1].filter(
    (column) => column < columns && (column >= 0 || (onRow && column === LABEL)),
  );
  return (
    <div role="grid" aria-label={name} aria-rowcount={labels.length} aria-colcount={columns + 1}>
      <div role="row" aria-rowindex={at.row + 1}>
        {around.map((column) => {
          const focusable = { tabIndex: column === at.column ? 0 : -1 };
          const { left, top, width, height } = boxOf(layout, at.row, Math.max(0, column));
          const label = labels[at.row] ?? "";
          const down = { top: `${top}px`, height: `${height}px` };
          return column === LABEL ? (
            <div
              key={`${at.row}:label`}
              role="rowheader"
              aria-colindex={1}
              class="walk-vectors-stop label"
              style={down}
              {...focusable}
            >
              <span class="unseen">{t.rowHeader(label, rows?.[at.row]?.chosen ?? false)}</span>
            </div>
          ) : (
            <div
              key={`${at.row}:${column}`}
              role="gridcell"
              aria-colindex={column + 2}
              class="walk-vectors-stop"
              style={{ ...down, left: `${left}px`, width: `${width}px` }}
              aria-label={`${label} ${t.component(column, columns - 1)}: ${spoken(value(at.row, column))}`}
              {...focusable}
            />
          );
        })}
      </div>
    </div>
  );
}

function spoken(value: number): string {
  return String(Number(value.toPrecision(4)));
}
