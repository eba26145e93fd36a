/** Turning to a step, and what is to be done when it is there. */

import { setState } from "../../../core/state/state";
import { turn } from "../flow/motion";

/** Whether the reader is led to the step's title, or stays on the button that was pressed. */
type Way = "to its title" | "in place";

let pending: Way | "" = "";

export function turnTo(id: string, way: Way): void {
  pending = way;
  turn();
  setState({ step: id, moment: null });
}

/** How the step that has come was turned to, once; empty where it came by itself. */
export function turnOnce(): Way | "" {
  const way = pending;
  pending = "";
  return way;
}
