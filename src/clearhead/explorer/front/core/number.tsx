import type { JSX } from "preact";
import { format } from "./format";
import type { Derivation } from "./protocol";

export interface NumProps {
  /** The step (or "weights/NAME") that the number is an element of, and which. */
  path: string;
  index: number[];
  value: number | null;
  /** Significant digits; 4 where not given. */
  digits?: number;
  /** Put before the number for screen readers, such as "weight on ▁tea". */
  label?: string;
  /** For a number that is no element of a step, such as one product of a score: how it follows
   * from steps (indices as numbers), in place of the step's own derivations. `path` names it. */
  derivation?: Derivation;
  class?: string;
}

/** A number that answers "where from?" when it is pressed. */
export function Num({ value, digits, label }: NumProps): JSX.Element {
  return (
    <button type="button" class="num" aria-label={label ? `${label}: ${format(value, digits)}` : undefined}>
      {format(value, digits)}
    </button>
  );
}
