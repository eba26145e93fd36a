/** A number on the page: it says where it comes from when it is pressed. */

import type { JSX } from "preact";
import type { Derivation } from "../core/protocol";
import { exact, format } from "../core/text/format";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import { askWhere } from "./trail";

export { exact, format } from "../core/text/format";

export interface NumProps {
  /** The step (or "weights/NAME") that the number is an element of, and which: one per axis. */
  path: string;
  index: number[];
  /** null is -infinity: a masked score. */
  value: number | null;
  /** Significant digits; 4 where not given. */
  digits?: number;
  /** What it is, for screen readers, such as "weight on tea". */
  label?: string;
  /** For a number that is no element of a step, such as one product of a score: how it follows from
   * steps. Then `path` and `index` only name it. */
  derivation?: Derivation;
  class?: string;
  /** For grids with a roving tabindex. */
  tabIndex?: number;
}

export function Num({
  path,
  index,
  value,
  digits,
  label,
  derivation,
  class: extra,
  tabIndex,
}: NumProps): JSX.Element {
  const shown = format(value, digits);
  const words = wordsOf(table);
  return (
    <button
      type="button"
      class={extra ? `num ${extra}` : "num"}
      title={exact(value)}
      aria-label={`${label ? `${label}: ` : ""}${shown}. ${words.whereFrom}`}
      data-path={path}
      data-index={index.join(",")}
      tabIndex={tabIndex}
      onClick={(event) => askWhere({ path, index, value, derivation }, event.currentTarget)}
    >
      {shown}
    </button>
  );
}
