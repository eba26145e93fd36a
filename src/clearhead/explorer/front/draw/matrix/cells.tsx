/** The table of a matrix: its headers, and a cell for each number. */

import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useMemo } from "preact/hooks";

import { wordsOf } from "../../core/text/i18n";
import { bytesOf, hex, inkOn, type Kind, type Theme } from "../colours";
import { cellText, isMasked, type MatrixData } from "../scene/items";
import { hatchSegments } from "../scene/scene";
import { typeScale } from "../theme";
import { table } from "../words";
import { dataOf, type MatrixProps } from "./data";
import type { Cell } from "./grid_keys";
import type { Window2 } from "./window";

/** Pixels of a cell's side: large enough for a number where there are few, never under 13. */
export function cellSize(rows: number, columns: number, kind: Kind): number {
  const most = Math.max(rows, columns);
  const size = most <= MOST_NUMBERS ? WITH_NUMBERS[kind] : most <= 28 ? 22 : 15;
  return Math.round(size * typeScale.value);
}

const MOST_NUMBERS = 16;

/** −12.3 is longer than a weight, and may not touch the number beside it. */
const WITH_NUMBERS: Record<Kind, number> = { weight: 38, score: 46 };

interface CellsProps extends MatrixProps {
  visibleWindow: Window2;
  theme: Theme;
  selectedRow: number | null;
  selectedColumn: number | null;
}

const CellsOnce = memo((props: CellsProps) => {
  const { visibleWindow, rows, columns, theme } = props;
  const data = dataOf(props);
  const size = cellSize(data.rows, data.columns, data.kind);
  const { queries, keys } = wordsOf(table);
  const numbers = Math.max(data.rows, data.columns) <= MOST_NUMBERS;
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
          {indices(visibleWindow.columns).map((column) => (
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
      <tbody class={numbers ? `with-numbers ${props.kind}` : "without-numbers"}>
        {indices(visibleWindow.rows).map((row, line) => (
          <tr key={row} aria-rowindex={row + 2}>
            <th
              scope="row"
              aria-colindex={1}
              class={row === props.selectedRow ? "chosen" : undefined}
            >
              <span title={rows[row]}>{rows[row]}</span>
            </th>
            {indices(visibleWindow.columns).map((column, place) =>
              cellView(props, data, { row, column, line, place, size, numbers, theme }),
            )}
          </tr>
        ))}
      </tbody>
    </>
  );
});

/** What changes for every render of the parent, and draws nothing, is left out of the comparison. */
export const Cells = (props: CellsProps): JSX.Element => {
  const { onCell, onWindow, describe, from, children, selected, masked, visibleWindow, ...rest } =
    props;
  const [top, bottom] = visibleWindow.rows;
  const [left, right] = visibleWindow.columns;
  const window = useMemo(
    () => ({ rows: [top, bottom], columns: [left, right] }) as Window2,
    [top, bottom, left, right],
  );
  return <CellsOnce {...rest} masked={masked} visibleWindow={window} window={window} />;
};

interface CellPlace extends Cell {
  line: number;
  place: number;
  size: number;
  numbers: boolean;
  theme: Theme;
}

function cellView(props: CellsProps, data: MatrixData, at: CellPlace): JSX.Element {
  const { row, column, line, place, size, numbers, theme } = at;
  const value = data.values[line * data.columns + place];
  const masked = value !== undefined && isMasked(data, line, place);
  const text =
    value === undefined ? "…" : masked ? wordsOf(table).maskedShort : cellText(data.kind, value);
  const bytes =
    masked || value === undefined ? null : bytesOf(data.kind, value, data.max ?? 0, theme);
  const side = `${size}px`;
  const selected = row === props.selectedRow && column === props.selectedColumn;
  return (
    <td
      key={column}
      role="gridcell"
      class={masked ? "masked" : undefined}
      style={{
        width: side,
        minWidth: side,
        height: side,
        ...(bytes && { background: hex(bytes), color: inkOn(bytes) }),
      }}
      aria-colindex={column + 2}
      aria-selected={selected}
      aria-label={masked || !numbers ? text : undefined}
      tabIndex={-1}
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
