/** Asking for the run that the state describes, whenever it changes. */

import { batch, computed, effect } from "@preact/signals";
import type { Model, Run, RunParams } from "../protocol";
import { Refusal } from "../sources/source";
import {
  amendState,
  asking,
  DEFAULTS,
  failure,
  kind,
  model,
  run,
  runQuestion,
  type State,
  source,
  state,
} from "./state";

let current: AbortController | null = null;
/** What was asked last, so that the same is not asked twice. */
let lastQuestion = "";

/** The step of the training run whose weights are shown; undefined of anything but a run. The
 * last one is named, too: a run that goes on may have a newer one by the next question. */
export const checkpoint = computed<number | undefined>(() => {
  const last = model.value?.checkpoints?.at(-1);
  return last && (state.checkpoint.value ?? last.step);
});

export function params(): RunParams {
  return {
    text: state.text.value,
    target: state.target.value,
    sentence: state.sentence.value,
    beam_size: state.beam.value,
    ...(kind.value === "generation" && { new_tokens: state.tokens.value }),
    edits: state.edits.value,
    ...(state.formality.value !== "auto" && { formality: state.formality.value }),
    ...(checkpoint.value !== undefined && { checkpoint: checkpoint.value }),
  };
}

/** Whether the answer that is shown is that of the state: not while another is computed, and not
 * after one that failed. */
export const upToDate = computed(
  () => run.value !== null && runQuestion.value === JSON.stringify(params()),
);

/** Ask for the model, then for a run whenever the state asks for another. Returns what ends it. */
export function followState(firstText: (model: Model) => string = () => ""): () => void {
  let end = (): void => undefined;
  // An address without a text is one of the first text.
  const withText = (description: Model): RunParams => {
    if (description.kind !== "recording" && !state.text.value)
      amendState({ text: firstText(description) });
    return params();
  };
  begin = () =>
    void askModel().then((description) => {
      // The result of a sweep is of no text that could be walked.
      if (description && description.kind !== "sweep")
        end = effect(() => void follow(description, withText(description)));
    });
  begin();
  return () => {
    end();
    current?.abort();
  };
}

async function askModel(): Promise<Model | null> {
  asking.value = true;
  try {
    const { json } = await source.peek().ask("model", {});
    batch(() => {
      model.value = json;
      asking.value = false;
    });
    return json;
  } catch (error) {
    batch(() => {
      failure.value = error as Error;
      asking.value = false;
    });
    return null;
  }
}

/** Asks for the model once more. */
let begin = (): void => undefined;

/** Ask once more, after a failure. */
export function retry(): void {
  // A widget is not its notebook's page, on which others may have work that is not saved.
  if (!model.peek() && source.peek().place === "widget") {
    failure.value = null;
    begin();
  } else if (!model.peek()) location.reload();
  else {
    lastQuestion = "";
    void follow(model.peek() as Model, params());
  }
}

async function follow(description: Model, request: RunParams): Promise<void> {
  const key = JSON.stringify(request);
  if (key === lastQuestion) return;
  lastQuestion = key;
  current?.abort();
  if (description.kind !== "recording" && !request.text?.trim()) {
    batch(() => {
      run.value = null;
      failure.value = null;
      asking.value = false;
    });
    return;
  }
  const mine = new AbortController();
  current = mine;
  asking.value = true;
  try {
    const { json } = await source.peek().ask("run", request, mine.signal);
    if (current !== mine) return;
    batch(() => {
      if (json.text !== run.peek()?.text) lookWhereWordsArePredicted(json);
      run.value = json;
      runQuestion.value = key;
      failure.value = null;
      asking.value = false;
      fit(json);
    });
  } catch (error) {
    if (current !== mine || mine.signal.aborted) return;
    batch(() => {
      failure.value = error instanceof Error ? error : new Refusal("Error", String(error));
      asking.value = false;
    });
  }
}

/** Of a new text the position is looked at that predicts something: the last of a prompt, or the
 * first hidden word. An address that says a query is kept to. */
function lookWhereWordsArePredicted(answer: Run): void {
  const first = answer.prompt === undefined ? answer.scored_positions?.[0] : answer.prompt - 1;
  if (kind.peek() !== "translation" && first !== undefined && state.query.peek() === 0)
    amendState({ query: first });
}

/** A head, a query and a key that this run has, as near as can be to those that are chosen. */
export function fit(
  answer: Run | null = run.peek(),
  change: (patch: Partial<State>) => void = amendState,
): void {
  const all = answer?.attention ?? [];
  const first = all[0];
  if (!answer || !first) return;
  // A recording has parts of its own, so an address may name any; one that is not there is the usual.
  const has = (part: string): boolean => all.some((entry) => entry.part === part);
  const part = [state.part.peek(), DEFAULTS.part].find(has) ?? first.part;
  const layers = all.filter((entry) => entry.part === part);
  const nearest =
    layers.find((entry) => entry.layer === state.layer.peek()) ??
    layers[layers.length - 1] ??
    first;
  const key = state.key.peek();
  const position = state.position.peek();
  change({
    part,
    layer: nearest.layer,
    head: Math.min(state.head.peek(), nearest.heads - 1),
    query: Math.min(state.query.peek(), nearest.queries - 1),
    key: key === null || key < nearest.keys ? key : null,
    position: position === null || position < answer.predicted.length ? position : null,
  });
}
