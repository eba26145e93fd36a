/** What the walk shows, to be saved as data, and where its picture finds its numbers. */

import { run, state } from "../../core/state/state";
import { loadedSlices, type Slice } from "./parts/loaded";

/** Every number that the panels show, with where it stands. */
export function walkJson(): unknown {
  const answer = run.peek();
  if (!answer) return null;
  const [part, layer, head, query] = [state.part, state.layer, state.head, state.query].map(
    (each) => each.peek(),
  );
  const numbers = new Map<string, unknown>();
  for (const slices of loadedSlices.values())
    for (const { array } of slices)
      numbers.set(JSON.stringify([array.path, array.window]), {
        path: array.path,
        window: array.window,
        shape: array.whole,
        values: Array.from(array.data, (value) => (Number.isFinite(value) ? value : null)),
      });
  return {
    request: answer.request,
    part,
    layer,
    head,
    query,
    source: answer.source,
    decoder_input: answer.decoder_input,
    next: answer.next,
    numbers: [...numbers.values()],
  };
}

/** Before the name of a panel: its numbers are there for export, and the panel is not drawn. */
export const EXPORT = "export-";

/** A slice that a panel shows, or would: the last of its needs, or one by place. */
export function sliceOf(panel: string, place: number): Slice | undefined {
  for (const [key, slices] of loadedSlices)
    if (key.startsWith(`${panel}:`) || key.startsWith(`${EXPORT}${panel}:`))
      return slices.at(place);
  return undefined;
}
