/** What kind each head is: asked of the model part by part. Of a long recording only the layers are
 * measured that one looks at, since each takes a pass over its weights. */

import type { HeadKinds, HeadMeasure, MeasuredHead, Run } from "../../core/protocol";
import { state } from "../../core/state/state";
import { type PartLayers, pagesOf, partsOf } from "../heads/data";
import { useAnswer } from "./answers";

export type Kinds = HeadKinds | Error | null | "later";

/** So many weights of a part are measured at once without being looked at. */
const WEIGHTS_AT_ONCE = 2e7;

/** The kinds of a part's heads by the part's name, as far as they are there. */
export function useKinds(answer: Run): Map<string, Kinds> {
  return new Map(partsOf(answer).map((part) => [part.part, kindsOf(answer, part)]));
}

function kindsOf(answer: Run, part: PartLayers): Kinds {
  const { heads = 1, queries = 1, keys = 1 } = part.layers[0] ?? {};
  const question = { run: answer.request, part: part.part };
  const pages = pagesOf(part);
  if (pages.length === 1 || part.layers.length * heads * queries * keys <= WEIGHTS_AT_ONCE)
    return useAnswer(answer, "head_kinds", question).value;
  const line = part.layers.findIndex(({ layer }) => layer === state.layer.value);
  const page = pages.find(([start, stop]) => start <= line && line < stop);
  if (state.part.value !== part.part || !page) return "later";
  return useAnswer(answer, "head_kinds", { ...question, layers: page }).value;
}

/** One head of them; null where it is not there (yet). */
export function headOf(kinds: Kinds, line: number, head: number): MeasuredHead | null {
  if (!kinds || kinds === "later" || kinds instanceof Error) return null;
  return kinds.layers[line - kinds.start]?.[head] ?? null;
}

/** What a head's kind was measured by. */
export function measureOf(kind: MeasuredHead["kind"]): HeadMeasure | null {
  if (kind === null || kind === "mixed") return null;
  return kind === "broad" ? "even" : kind;
}

/** Whether a head copies what it reads, beside its kind. */
export function isCopying(kinds: Kinds, head: MeasuredHead | null): boolean {
  if (!kinds || kinds === "later" || kinds instanceof Error) return false;
  return (head?.copying ?? -1) >= kinds.copies;
}

export function percent(share: number): string {
  return `${Math.round(100 * share)}\u00a0%`;
}
