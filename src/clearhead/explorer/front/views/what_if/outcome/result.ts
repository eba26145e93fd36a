/** The runs that a comparison needs, and how long the last change took. */

import { effect, signal } from "@preact/signals";
import type { Run, RunParams, Token } from "../../../core/protocol";
import { givenTokens, kind, model, run, state } from "../../../core/state/state";
import { type Reply, useAnswer } from "../../shared/answers";

export interface Comparison {
  /** The model as it is, with its translation (or the one that was given). */
  before: Run;
  /** The edited model, walked along that same translation. */
  after: Run;
  /** Whether both read the same tokens, so that words can be compared one by one. */
  aligned: boolean;
}

/** Both models on the words of the original translation: null until they come. */
export function useComparison(answer: Run): Reply<Comparison> {
  const baseline = answer.baseline;
  const plain: RunParams = { ...answer.request, edits: [] };
  const along: RunParams | null = baseline && { ...answer.request, ...wordsOf(answer, baseline) };
  const before = useAnswer(baseline && answer, "run", plain).value;
  const isAlong = baseline !== null && isSame(answer.predicted, baseline.predicted);
  const edited = useAnswer(baseline && !isAlong ? answer : null, "run", along).value;
  const after = isAlong ? answer : edited;
  if (before instanceof Error) return before;
  if (after instanceof Error) return after;
  return before && after && { before, after, aligned: isSame(before.predicted, after.predicted) };
}

/** What asks for the words of the original: as text, which a translation reads again, or as ids. */
function wordsOf(answer: Run, baseline: NonNullable<Run["baseline"]>): Partial<RunParams> {
  // Ours can be read again; the words of others may begin with a token for the language.
  const isOurs = model.peek()?.abilities.includes("beam");
  if (kind.peek() === "translation" && isOurs) return { target: baseline.translation };
  if (kind.peek() === "translation")
    return { target: null, target_ids: baseline.predicted.slice(0, -1).map(({ id }) => id) };
  const places = answer.scored_positions ?? [];
  if (kind.peek() === "encoder")
    return { target_ids: places.map((place) => baseline.predicted[place]?.id ?? 0) };
  // The last position predicts what would follow the continuation.
  const prompt = givenTokens(answer).length;
  const words = baseline.predicted.slice(prompt - 1, -1);
  return { target_ids: words.map(({ id }) => id) };
}

/** Whether two passes speak of the same words. What would follow a continuation is no part of it,
 * and an encoder may have been given another token. */
function isSame(one: Token[], other: Token[]): boolean {
  if (kind.peek() === "encoder") return one.length === other.length;
  const words = (tokens: Token[]): string =>
    (kind.peek() === "generation" ? tokens.slice(0, -1) : tokens).map(({ id }) => id).join(" ");
  return words(one) === words(other);
}

/** How many positions two runs share from the start: there, their steps are about the same words. */
export function sharedPositions(one: Run, other: Run): number {
  const [first, second] = [one.decoder_input, other.decoder_input];
  let shared = 0;
  while (shared < first.length && first[shared]?.id === second[shared]?.id) shared += 1;
  return shared;
}

/** Milliseconds from the last change of an edit to its numbers; null before the first change. */
export const latency = signal<number | null>(null);
let changedAt: number | null = null;
let edits = state.edits.peek();

effect(() => {
  const now = state.edits.value;
  if (now !== edits && run.peek()) changedAt = performance.now();
  edits = now;
});

effect(() => {
  if (!run.value || changedAt === null) return;
  latency.value = performance.now() - changedAt;
  changedAt = null;
});
