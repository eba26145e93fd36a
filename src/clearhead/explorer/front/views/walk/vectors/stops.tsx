/** The cells around the focus as elements, for keyboards and screen readers. */

import type { JSX } from "preact";
import { shortNumber } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import type { Cell } from "../../../draw/matrix/grid_keys";
import { table } from "../words";
import { boxOf, type Layout } from "./cells";
import { LABEL, type VectorsProps } from "./props";

interface StopsProps extends VectorsProps {
  layout: Layout;
  at: Cell;
  value: (row: number, column: number) => number;
  labels: string[];
}

/** The cell with the focus and its neighbours, as elements: a screen reader hears each in turn. */
export function Stops({
  layout,
  at,
  value,
  labels,
  label: name,
  rows,
  onRow,
  columns,
}: StopsProps): JSX.Element {
  const words = wordsOf(table);
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
              <span class="unseen">
                {words.rowHeader(label, rows?.[at.row]?.selected ?? false)}
              </span>
            </div>
          ) : (
            <div
              key={`${at.row}:${column}`}
              role="gridcell"
              aria-colindex={column + 2}
              class="walk-vectors-stop"
              style={{ ...down, left: `${left}px`, width: `${width}px` }}
              aria-label={`${label} ${words.component(column, columns - 1)}: ${shortNumber(value(at.row, column))}`}
              {...focusable}
            />
          );
        })}
      </div>
    </div>
  );
}
