/** One vector, or several below one another, as strips of coloured cells. Every number is reached:
 * by pointing, or by arrow keys through a grid of which only the cells around the focus exist. */

import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { wordsOf } from "../../../core/text/i18n";
import { type Cell, nextCell } from "../../../draw/matrix/grid_keys";
import { scaleMark } from "../../../draw/scene/items";
import { typeScale } from "../../../draw/theme";
import { Num } from "../../../where_from/number";
import { Roving } from "../parts/roving";
import { table } from "../words";
import { cellAt, type Layout, layoutOf } from "./cells";
import { Ahead, Band, Picture, Span } from "./picture";
import { LABEL, type VectorsProps } from "./props";
import { Stops } from "./stops";

export function Vectors(props: VectorsProps): JSX.Element {
  const { from, columns, index, rows = [{ label: "" }], onRow } = props;
  const words = wordsOf(table);
  const start = Math.max(
    0,
    rows.findIndex((row) => row.selected),
  );
  const [focus, setFocus] = useState<Cell>({ row: start, column: 0 });
  const [pointedCell, setPointedCell] = useState<Cell | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const room = useWidth(frame);
  const readout = useRef<HTMLSpanElement>(null);
  const focusPending = useRef(false);
  const layout = layoutOf(rows.length, columns, room || 320, typeScale.value);
  const value = (row: number, column: number): number => from.at(...index(row, column));

  useLayoutEffect(() => setFocus((old) => ({ ...old, row: start })), [start]);
  useLayoutEffect(() => {
    if (!focusPending.current) return;
    focusPending.current = false;
    frame.current?.querySelector<HTMLElement>("[tabindex='0']")?.focus();
  });

  const at = {
    row: Math.min(focus.row, rows.length - 1),
    column: Math.min(focus.column, columns - 1),
  };
  const readCell = pointedCell ?? { ...at, column: Math.max(0, at.column) };
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
    focusPending.current = true;
    setFocus(next);
  };
  const cellOf = (event: MouseEvent): Cell | null => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return cellAt(layout, event.clientX - box.left, event.clientY - box.top);
  };
  const reading = (
    <Reading
      {...props}
      cell={readCell}
      value={value(readCell.row, readCell.column)}
      holder={readout}
    />
  );
  const rowHeight = layout.lines * (layout.lineHeight + layout.gap);
  return (
    <div class="walk-vectors">
      <p class="walk-readout">
        <span class="walk-caption">{props.label}</span>
        {!props.rows && reading}
        {!props.sameScale && <span class="walk-ends">{words.scale(scaleMark(props.max))}</span>}
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
            onPointerMove={(event) => setPointedCell(cellOf(event))}
            onPointerLeave={() => setPointedCell(null)}
            onClick={(event) => {
              const cell = cellOf(event);
              if (cell) setFocus(cell);
            }}
          />
          {rows.map((row, place) =>
            row.selected && rows.length > 1 ? (
              <Band key={place} layout={layout} row={place} />
            ) : null,
          )}
          {props.ahead !== undefined && props.ahead < rows.length && (
            <Ahead layout={layout} row={props.ahead} />
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

/** The width of an element, followed as it changes; 0 before the first measurement. */
function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const { current } = element;
    if (!current) return;
    const measure = (): void => setWidth(current.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return width;
}

interface ReadingProps extends VectorsProps {
  cell: Cell;
  value: number;
  holder: RefObject<HTMLSpanElement | null>;
}

/** The number of one cell, in words. */
function Reading({ cell, value, holder, ...props }: ReadingProps): JSX.Element {
  const words = wordsOf(table);
  const name = props.rows?.[cell.row]?.label ?? "";
  const component = words.component(cell.column, props.columns - 1);
  return (
    <span class="walk-reading" ref={holder}>
      {name && <span class="walk-piece">{name}</span>}
      <span>{component}</span>
      <Num
        path={props.from.path}
        index={props.index(cell.row, cell.column)}
        value={value}
        derivation={props.derivation?.(cell.row, cell.column)}
        label={`${props.label}, ${name} ${component}`}
      />
    </span>
  );
}

/** The rows' names, for the mouse; the grid has them as headers. What stands beside them is one
 * stop of the Tab key. */
export function Labels({
  rows = [],
  onRow,
  label,
  rowHeight,
}: VectorsProps & { rowHeight: number }): JSX.Element {
  const all = rows.map((row, place) => (
    <div
      key={place}
      class={row.selected ? "walk-vectors-label chosen" : "walk-vectors-label"}
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
  return nextCell(at, event, bounds, 10);
}
