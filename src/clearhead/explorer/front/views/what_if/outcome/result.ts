/** The runs that a comparison needs, and how long the last change took. */

import { effect, signal } from "@preact/signals";
import type { Run, RunParams, Token } from "../../../core/protocol";
import { run, state } from "../../../core/state/state";
import { type Asked, useAnswer } from "../../shared/answers";

export interface Comparison {
  /** The model as it is, with its translation (or the one that was given). */
  before: Run;
  /** The edited model, walked along that same translation. */
  after: Run;
  /** Whether both read the same tokens, so that words can be compared one by one. */
  aligned: boolean;
}

/** Both models on the words of the original translation: null until they come. */
export function useComparison(answer: Run): Asked<Comparison> {
  const baseline = answer.baseline;
  const plain: RunParams = { ...answer.request, edits: [] };
  const along: RunParams | null = baseline && { ...answer.request, target: baseline.translation };
  const before = useAnswer(baseline && answer, "run", plain).value;
  const isAlong = baseline !== null && ids(answer.predicted) === ids(baseline.predicted);
  const asked = useAnswer(baseline && !isAlong ? answer : null, "run", along).value;
  const after = isAlong ? answer : asked;
  if (before instanceof Error) return before;
  if (after instanceof Error) return after;
  return (
    before && after && { before, after, aligned: ids(before.predicted) === ids(after.predicted) }
  );
}

export function ids(tokens: Token[]): string {
  return tokens.map(({ id }) => id).join(" ");
}

/** How many positions two runs share from the start: there, their steps are about the same words. */
export function sharedPositions(one: Run, other: Run): number {
  const [first, second] = [one.decoder_input, other.decoder_input];
  let shared = 0;
  while (shared < first.length && first[shared]?.id === second[shared]?.id) shared += 1;
  return shared;
}

/** Milliseconds from the last change of an edit to its numbers; null before the first change. */
export const took = signal<number | null>(null);
let changed: number | null = null;
let edits = state.edits.peek();

effect(() => {
  const now = state.edits.value;
  if (now !== edits && run.peek()) changed = performance.now();
  edits = now;
});

effect(() => {
  if (!run.value || changed === null) return;
  took.value = performance.now() - changed;
  changed = null;
});
