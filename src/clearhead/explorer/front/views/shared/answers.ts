/** Questions that a view asks about a run, each once: what came stays while the run is shown. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Json, Params, Question, Run } from "../../core/protocol";
import { source } from "../../core/state/state";

export type Reply<T> = T | Error | null;

const answers = new WeakMap<Run, Map<string, Signal<Reply<unknown>>>>();
const NOTHING = signal<Reply<never>>(null);

/** The answer to a question about a run: null until it comes, an Error where it is refused.
 * `params` null asks for nothing. */
export function useAnswer<Q extends Question>(
  about: Run | null,
  question: Q,
  params: Params<Q> | null,
): ReadonlySignal<Reply<Json<Q>>> {
  if (!about || params === null) return NOTHING;
  let answersOfRun = answers.get(about);
  if (!answersOfRun) {
    answersOfRun = new Map();
    answers.set(about, answersOfRun);
  }
  const key = JSON.stringify([question, params]);
  let answer = answersOfRun.get(key) as Signal<Reply<Json<Q>>> | undefined;
  if (!answer) {
    const fresh = signal<Reply<Json<Q>>>(null);
    answer = fresh;
    answersOfRun.set(key, fresh as Signal<Reply<unknown>>);
    source
      .peek()
      .ask(question, params)
      .then(
        ({ json }) => (fresh.value = json),
        (error: Error) => {
          fresh.value = error;
          answersOfRun.delete(key); // another look asks again
        },
      );
  }
  return answer;
}
