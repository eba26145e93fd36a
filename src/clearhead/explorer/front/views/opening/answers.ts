/** What the first screen asks: the alignment of the run that is shown, and the discoveries about its
 * sentence, which do not depend on edits and so outlive a run. */

import { computed, type Signal, signal } from "@preact/signals";
import type { Alignment, Discovery, DiscoveryKind, Run, RunParams } from "../../core/protocol";
import { Refusal } from "../../core/sources/source";
import { kind, labels, model, source, type TextKind } from "../../core/state/state";
import { type Reply, useAnswer } from "../shared/answers";

export const KINDS: DiscoveryKind[] = ["hide_word", "switch_off", "temperature"];
/** So many sentences' discoveries stay. */
const MOST = 12;
const PAUSE = 200; // ms

/** What the first screen is about: a text that a model writes or reads, its label, or a recording. */
export type ScreenKind = TextKind | "labels" | "recording";

export const screenKind = computed<ScreenKind>(() => {
  if (model.value?.kind === "recording") return "recording";
  return labels.value ? "labels" : kind.value;
});

/** Whether the model's text or label can be changed at all. */
export function canDiscover(): boolean {
  const { abilities = [] } = model.value ?? {};
  const writes = abilities.includes("next_words") || labels.value !== undefined;
  return abilities.includes("edit") && writes;
}

/** The alignment of a run; of a long recording that of its queries from `start` on. */
export function useAlignment(answer: Run | null, start: number): Reply<Alignment> {
  const params = answer && { run: answer.request, ...(start > 0 && { start }) };
  return useAnswer(answer, "alignment", params).value;
}

type Replies = Record<DiscoveryKind, Signal<Reply<Discovery>>>;
const replies = new Map<string, Replies>();

/** The discoveries about a run's sentence; each is asked for when the one before it has come. */
export function discoveriesOf(answer: Run): Replies {
  const run: RunParams = { ...answer.request, edits: [], target: null, target_ids: null };
  const key = JSON.stringify(run);
  const earlier = replies.get(key);
  if (earlier) return earlier;
  const fresh: Replies = {
    hide_word: signal<Reply<Discovery>>(null),
    switch_off: signal<Reply<Discovery>>(null),
    temperature: signal<Reply<Discovery>>(null),
  };
  replies.set(key, fresh);
  for (const old of [...replies.keys()].slice(0, -MOST)) replies.delete(old);
  // What the views ask for comes first.
  setTimeout(() => void ask(run, fresh).then((complete) => complete || replies.delete(key)), PAUSE);
  return fresh;
}

/** Whether the server answered each, if only with a refusal; if not, the sentence is asked about
 * again. */
async function ask(run: RunParams, fresh: Replies): Promise<boolean> {
  let complete = true;
  for (const kind of KINDS) {
    try {
      fresh[kind].value = (await source.peek().ask("discovery", { run, kind })).json;
    } catch (error) {
      fresh[kind].value = error as Error;
      complete &&= error instanceof Refusal && error.kind !== "Unreachable";
    }
  }
  return complete;
}
