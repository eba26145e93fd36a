/** What the parts of a drawing of vectors share. */

import type { JSX } from "preact";
import type { Derivation } from "../../../core/protocol";
import type { Slice } from "../parts/loaded";

export interface VectorsProps {
  /** What the numbers are: the grid's name. */
  label: string;
  from: Slice;
  columns: number;
  /** Index in the whole array of a row's component. */
  index: (row: number, column: number) => number[];
  /** Labels of the rows; one row without labels where not given. */
  rows?: { label: string; selected?: boolean; extra?: JSX.Element }[];
  /** A row's label was chosen. */
  onRow?: (row: number) => void;
  /** The end of the colour scale. */
  max: number;
  /** A part of the vector that is bracketed: this head's among all. */
  span?: [number, number];
  /** Rows from this one on have not been reached yet; the row before it is the one at hand. */
  ahead?: number;
  /** How a number follows from steps, where the vector is no step itself. */
  derivation?: (row: number, column: number) => Derivation;
  /** The colours' scale is said elsewhere. */
  sameScale?: boolean;
}

/** The column of a row's label. */
export const LABEL = -1;
