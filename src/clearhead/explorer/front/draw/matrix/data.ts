/** What a matrix is drawn from: the properties that its parts share. */

import type { ComponentChildren } from "preact";

import type { Kind } from "../colours";
import type { MatrixData } from "../scene/items";
import type { Window2 } from "./window";

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

/** The window's numbers as the drawing helpers want them. */
export function dataOf(props: MatrixProps & { shown: Window2 }): MatrixData {
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
