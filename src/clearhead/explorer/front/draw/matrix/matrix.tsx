/** A matrix as a grid: a real table with headers, every number in it, moved through by keyboard. */

import type { JSX } from "preact";

import { wordsOf } from "../../core/text/i18n";
import { Crosshair } from "./crosshair";
import type { MatrixProps } from "./data";
import { nearestCell, useGridFocus } from "./grid_focus";
import type { Cell } from "./grid_keys";
import "./matrix.css";
import { shownTheme } from "../theme";
import { table } from "../words";
import { Cells } from "./cells";
import { Live } from "./live";
import { isWhole, type Window2 } from "./window";

export function Matrix(props: MatrixProps): JSX.Element {
  const { rows, columns, selected } = props;
  const visibleWindow = props.window ?? { rows: [0, rows.length], columns: [0, columns.length] };
  const { grid, pointedCell, ...events } = useGridFocus(props, visibleWindow);
  const size: [number, number] = [rows.length, columns.length];
  return (
    <div class="matrix-frame">
      <div class="matrix-scroll">
        <div class="matrix-sheet">
          <table
            ref={grid}
            class="matrix"
            role="grid"
            aria-label={props.label}
            aria-rowcount={rows.length + 1}
            aria-colcount={columns.length + 1}
            {...events}
          >
            <Cells
              {...props}
              visibleWindow={visibleWindow}
              theme={shownTheme.value}
              selectedRow={selected?.row ?? null}
              selectedColumn={selected?.column ?? null}
            />
          </table>
          <Crosshair table={grid} row={selected?.row} column={selected?.column} kind="selected" />
          <Crosshair
            table={grid}
            row={pointedCell?.row}
            column={pointedCell?.column}
            kind="pointed"
          />
        </div>
      </div>
      <Live
        {...props}
        visibleWindow={visibleWindow}
        cell={pointedCell ?? lockedCell(selected, visibleWindow)}
      />
      {!isWhole(visibleWindow, ...size) && (
        <p class="matrix-truncation">
          {wordsOf(table).windowed(visibleWindow.rows, visibleWindow.columns, size)}
        </p>
      )}
      {props.children}
    </div>
  );
}

function lockedCell(selected: MatrixProps["selected"], visibleWindow: Window2): Cell | null {
  const { row, column } = selected ?? {};
  if (row === null || row === undefined || column === null || column === undefined) return null;
  const nearest = nearestCell({ row, column }, visibleWindow);
  return nearest.row === row && nearest.column === column ? { row, column } : null;
}
