/** Which row of which cross-attention the view shows, and its weights. */

import { computed } from "@preact/signals";
import type { Attention, Run, Token } from "../../core/protocol";
import { at, useArray, type Windowed } from "../../core/state/arrays";
import { run, setState, state } from "../../core/state/state";

/** The mean of a layer's heads instead of one head. */
export const mean = computed(() => state.heads.value === "mean");

/** The locked head where it is of the cross-attention; otherwise the nearest one that is. */
export interface Shown {
  attention: Attention;
  layer: number;
  head: number;
  locked: boolean;
  row: number;
}

export const shown = computed<Shown | null>(() => {
  const crosses = run.value?.attention.filter(({ part }) => part === "cross") ?? [];
  const locked = state.part.value === "cross";
  const attention = crosses[Math.min(state.layer.value, crosses.length - 1)];
  if (!attention) return null;
  return {
    attention,
    layer: attention.layer,
    head: Math.min(state.head.value, attention.heads - 1),
    locked,
    row: state.part.value === "encoder" ? 0 : Math.min(state.query.value, attention.queries - 1),
  };
});

/** Choose a row; a head elsewhere gives way to the one that is shown. */
export function chooseRow(row: number): void {
  const current = shown.peek();
  if (!current) return;
  setState({ part: "cross", layer: current.layer, head: current.head, query: row });
}

/** What labels the rows: the words that the decoder reads, or those that it writes. */
export function rowTokens(answer: Run): Token[] {
  return state.rows.value === "output" ? answer.predicted : answer.decoder_input;
}

export interface RowWeights {
  weights: number[];
  path: string;
  /** The head whose step the numbers are elements of; null for a mean, which is no step. */
  head: number | null;
}

/** The weights of the shown row: one head's as they are, or the mean of all, computed here. */
export function useRowWeights(current: Shown | null): RowWeights | null {
  const path = current ? `${current.attention.path}.weights` : null;
  const from = mean.value ? 0 : (current?.head ?? 0);
  const to = mean.value ? (current?.attention.heads ?? 1) : from + 1;
  const row = current?.row ?? 0;
  const array = useArray(path, [
    [0, 1],
    [from, to],
    [row, row + 1],
    [0, current?.attention.keys ?? 0],
  ]);
  if (!array || path === null) return null;
  return { weights: averaged(array), path, head: mean.value ? null : from };
}

function averaged(array: Windowed): number[] {
  const [, heads = 0, , keys = 0] = array.shape;
  return Array.from({ length: keys }, (_, key) => {
    let sum = 0;
    for (let head = 0; head < heads; head += 1) sum += at(array, 0, head, 0, key);
    return sum / heads;
  });
}
