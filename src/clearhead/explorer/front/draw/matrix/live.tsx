/** A cell of a matrix in words: the line below the table. */

import type { JSX } from "preact";

import { plainDecimal } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { Num } from "../../where_from/number";
import { isMasked } from "../scene/items";
import { table } from "../words";
import { dataOf, type MatrixProps } from "./data";
import type { Cell } from "./grid_keys";
import type { Window2 } from "./window";

interface LiveProps extends MatrixProps {
  shown: Window2;
  cell: Cell | null;
}

/** The pointed, focused or locked cell in words. */
export function Live(props: LiveProps): JSX.Element {
  const words = wordsOf(table);
  const { cell, shown, kind } = props;
  if (!cell)
    return (
      <p class="matrix-live soft" role="status">
        {words.pointAtCell}
      </p>
    );
  const data = dataOf(props);
  const [line, place] = [cell.row - shown.rows[0], cell.column - shown.columns[0]];
  const value = data.values[line * data.columns + place];
  if (value === undefined || line < 0 || place < 0) {
    return (
      <p class="matrix-live soft" role="status">
        …
      </p>
    );
  }
  const masked = isMasked(data, line, place);
  const row = words.row(props.rows[cell.row] ?? "", cell.row);
  const column = words.column(props.columns[cell.column] ?? "", cell.column);
  const { from, describe } = props;
  if (describe || masked || !from) {
    const exact = masked ? words.masked : words.value(kind, plainDecimal(value));
    return (
      <p class="matrix-live" role="status">
        {describe?.(cell.row, cell.column, value, masked) ?? words.between(row, column, exact)}
        {from && !masked && <> {number(from, cell, value)}</>}
      </p>
    );
  }
  // The number of the sentence is the button itself.
  const [before, after] = words.between(row, column, words.value(kind, "\u0000")).split("\u0000");
  return (
    <p class="matrix-live" role="status">
      {before}
      {number(from, cell, value)}
      {after}
    </p>
  );
}

function number(from: NonNullable<MatrixProps["from"]>, cell: Cell, value: number): JSX.Element {
  return <Num path={from.path} index={from.index(cell.row, cell.column)} value={value} />;
}
