/** Numbers for panels: asked for together, shown together, and kept on the page while others come,
 * so that choosing another token never makes the page jump. */

import type { JSX, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Window } from "../../../core/protocol";
import { useArrayState, type Windowed } from "../../../core/state/arrays";
import { messageOf } from "../../../core/state/error_message";
import { wordsOf } from "../../../core/text/i18n";
import { table } from "../words";

/** A window of an array, read by indices of the whole. */
export class Slice {
  constructor(readonly array: Windowed) {}

  get path(): string {
    return this.array.path;
  }

  at(...index: number[]): number {
    return this.array.data[this.offset(index)] ?? NaN;
  }

  /** Where an element lies among `values`; those of its last axis follow one another. */
  offset(index: number[]): number {
    let offset = 0;
    this.array.window.forEach(([start, stop], axis) => {
      const place = (index[axis] ?? 0) - start;
      if (place < 0 || place >= stop - start)
        throw new Error(`${this.path}: the index ${index.join(", ")} is outside the window.`);
      offset = offset * (stop - start) + place;
    });
    return offset;
  }

  /** The numbers as they lie in the window. */
  get values(): ArrayLike<number> {
    return this.array.data;
  }
}

export type Needs = Record<string, [path: string, window: Window | null]>;
export type Slices<N extends Needs> = { [K in keyof N]: Slice };

/** What each panel shows, for export. */
export const loadedSlices = new Map<string, Slice[]>();

interface LoadedProps<N extends Needs> {
  panel: string;
  needs: N;
  children: (slices: Slices<N>) => VNode;
}

export function Loaded<N extends Needs>({ panel, needs, children }: LoadedProps<N>): JSX.Element {
  const last = useRef<VNode | null>(null);
  const slices: Partial<Record<string, Slice>> = {};
  let failed: Error | null = null;
  // The names of a panel's needs stay the same while it lives, so hooks keep their order.
  for (const [name, [path, window]] of Object.entries(needs)) {
    const value = useArrayState(path, window).value;
    if (value instanceof Error) failed = value;
    else if (value) slices[name] = new Slice(value);
  }
  const complete = Object.keys(slices).length === Object.keys(needs).length;
  const key = `${panel}:${Object.keys(needs).join()}`;
  useEffect(() => {
    if (complete) loadedSlices.set(key, Object.values(slices) as Slice[]);
  });
  useEffect(() => () => void loadedSlices.delete(key), [key]);
  if (failed)
    return (
      <p class="walk-failed" role="alert">
        {messageOf(failed)}
      </p>
    );
  if (complete) last.current = children(slices as Slices<N>);
  return last.current ?? <p class="walk-loading">{wordsOf(table).loading}</p>;
}
