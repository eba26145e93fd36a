/** What the first screen asks: the alignment of the run that is shown, and the discoveries about its
 * sentence, which do not depend on edits and so outlive a run. */

import { type Signal, signal } from "@preact/signals";
import type { Alignment, Discovery, DiscoveryKind, Run, RunParams } from "../../core/protocol";
import { Refusal } from "../../core/sources/source";
import { model, source } from "../../core/state/state";
import { type Reply, useAnswer } from "../shared/answers";

export const KINDS: DiscoveryKind[] = ["hide_word", "switch_off", "temperature"];
/** So many sentences' discoveries stay. */
const MOST = 12;
const PAUSE = 200; // ms

/** Whether the model's text can be changed at all. */
export function canDiscover(): boolean {
  const abilities = model.value?.abilities ?? [];
  return abilities.includes("edit") && abilities.includes("next_words");
}

export function useAlignment(answer: Run | null): Reply<Alignment> {
  const asks = answer !== null && model.value?.kind !== "recording";
  return useAnswer(answer, "alignment", asks ? { run: answer.request } : null).value;
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
