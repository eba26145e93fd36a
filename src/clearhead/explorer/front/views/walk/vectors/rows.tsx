/** The vectors of one head, a row for each token. */

import type { JSX } from "preact";
import type { Token } from "../../../core/protocol";
import { scoreMax } from "../../../draw/colours";
import type { Slice } from "../parts/loaded";
import { indices } from "../parts/windows";
import { Vectors } from "./vectors";

interface RowsProps {
  label: string;
  slice: Slice;
  tokens: Token[];
  selected: number;
  width: number;
  pick: (at: number) => void;
}

/** Tokens' vectors of one head below one another. */
export function Rows({
  label,
  slice,
  tokens,
  selected,
  width,
  pick,
  max,
  extra,
  ahead,
}: RowsProps & {
  max?: number;
  /** Rows from this one on have not been reached yet. */
  ahead?: number | undefined;
  extra?: (at: number) => JSX.Element;
}): JSX.Element {
  const [head, first, stop] = [slice.array.window[1]![0], ...slice.array.window.at(-2)!];
  const tail = slice.array.window.length - 4;
  const before = slice.array.window.slice(2, 2 + tail).map(([start]) => start);
  return (
    <Vectors
      label={label}
      from={slice}
      columns={width}
      index={(row, column) => [0, head, ...before, first + row, column]}
      rows={indices([first, stop]).map((at) => ({
        label: tokens[at]?.piece ?? "",
        selected: at === selected,
        ...(extra && { extra: extra(at) }),
      }))}
      onRow={(row) => pick(first + row)}
      max={max ?? scoreMax(slice.values)}
      {...(ahead !== undefined && { ahead })}
    />
  );
}
