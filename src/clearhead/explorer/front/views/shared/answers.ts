/** Questions that a view asks about a run, each once: what came stays while the run is shown. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Json, Params, Question, Run } from "../../core/protocol";
import { source } from "../../core/state/state";

export type Asked<T> = T | Error | null;

const answers = new WeakMap<Run, Map<string, Signal<Asked<unknown>>>>();
const NOTHING = signal<Asked<never>>(null);

/** The answer to a question about a run: null until it comes, an Error where it is refused.
 * `params` null asks for nothing. */
export function useAnswer<Q extends Question>(
  about: Run | null,
  question: Q,
  params: Params<Q> | null,
): ReadonlySignal<Asked<Json<Q>>> {
  if (!about || params === null) return NOTHING;
  let known = answers.get(about);
  if (!known) {
    known = new Map();
    answers.set(about, known);
  }
  const key = JSON.stringify([question, params]);
  let answer = known.get(key) as Signal<Asked<Json<Q>>> | undefined;
  if (!answer) {
    const fresh = signal<Asked<Json<Q>>>(null);
    answer = fresh;
    known.set(key, fresh as Signal<Asked<unknown>>);
    source
      .peek()
      .ask(question, params)
      .then(
        ({ json }) => (fresh.value = json),
        (error: Error) => {
          fresh.value = error;
          known.delete(key); // another look asks again
        },
      );
  }
  return answer;
}
