/** What the page shows, as signals. All of `state` is in the address (address.ts); `model`, `run`,
 * `asking` and `failure` follow from it and from what the source answers (running.ts). */

import { batch, computed, type Signal, signal } from "@preact/signals";
import type { Attention, Edit, Languages, Model, Part, Run, Step, Token } from "../protocol";
import { HttpSource, type Source } from "../sources/source";
import { type Language, language } from "../text/i18n";

export type ThemeSetting = "light" | "dark" | "system";
/** Who looks at the page: a reader at a desk, or a class that sees it on a wall. */
export type ScreenSetting = "desk" | "projector";

export interface State {
  text: string;
  /** A translation to walk instead of the model's own. */
  target: string | null;
  sentence: number;
  beam: number;
  /** So many tokens continue a prompt. */
  tokens: number;
  /** How a translation says "you". */
  formality: "auto" | "tu" | "vous";
  edits: Edit[];
  /** The step of a training run whose weights compute; null is its last one. */
  checkpoint: number | null;
  view: string;
  /** The head that all views hold fixed, and the query and key chosen in it. */
  part: string;
  layer: number;
  head: number;
  query: number;
  key: number | null;
  /** The position of the translation that a view looks at; null is all of it. */
  position: number | null;
  /** Rows of the decoder labelled by what goes in, or by what comes out. */
  rows: "input" | "output";
  /** Word by word: the locked head's weights, or the mean of its layer's heads. */
  heads: "one" | "mean";
  /** Weight, contribution, effect: the order of the keys, and how many. */
  sort: "weight" | "contribution" | "effect" | "position";
  most: number;
  /** The panel of the walk that an address leads to. */
  step: string;
  /** The walk's panels: one at a time, or all below one another. */
  panels: "one" | "all";
  /** How far the step has come, from 0; null where it is finished. */
  moment: number | null;
  language: Language;
  theme: ThemeSetting;
  screen: ScreenSetting;
}

export const DEFAULTS: Omit<State, "language"> = {
  text: "",
  target: null,
  sentence: 0,
  beam: 4,
  tokens: 8,
  formality: "auto",
  edits: [],
  checkpoint: null,
  view: "walk",
  part: "cross",
  layer: 0,
  head: 0,
  query: 0,
  key: null,
  position: null,
  rows: "input",
  heads: "one",
  sort: "weight",
  most: 24,
  step: "",
  panels: "one",
  moment: null,
  theme: "system",
  screen: "desk",
};

export const state: { [K in keyof State]: Signal<State[K]> } = {
  text: signal(DEFAULTS.text),
  target: signal(DEFAULTS.target),
  sentence: signal(DEFAULTS.sentence),
  beam: signal(DEFAULTS.beam),
  tokens: signal(DEFAULTS.tokens),
  formality: signal(DEFAULTS.formality),
  edits: signal(DEFAULTS.edits),
  checkpoint: signal(DEFAULTS.checkpoint),
  view: signal(DEFAULTS.view),
  part: signal(DEFAULTS.part),
  layer: signal(DEFAULTS.layer),
  head: signal(DEFAULTS.head),
  query: signal(DEFAULTS.query),
  key: signal(DEFAULTS.key),
  position: signal(DEFAULTS.position),
  rows: signal(DEFAULTS.rows),
  heads: signal(DEFAULTS.heads),
  sort: signal(DEFAULTS.sort),
  most: signal(DEFAULTS.most),
  step: signal(DEFAULTS.step),
  panels: signal(DEFAULTS.panels),
  moment: signal(DEFAULTS.moment),
  language,
  theme: signal(DEFAULTS.theme),
  screen: signal(DEFAULTS.screen),
};

/** Where answers come from; an entry (main.tsx, widget.tsx) sets it before it starts the page. */
export const source = signal<Source>(new HttpSource());
export const model = signal<Model | null>(null);
/** The answer that the page shows; while another is computed it stays, and `asking` is true. */
export const run = signal<Run | null>(null);
/** The question, as JSON, that `run` answers. */
export const runQuestion = signal("");
export const asking = signal(false);
export const failure = signal<Error | null>(null);

export function snapshot(): State {
  const all: Partial<Record<keyof State, unknown>> = {};
  for (const name of Object.keys(state) as (keyof State)[]) all[name] = state[name].peek();
  return all as State;
}

/** Change some of the state, at once. */
export function setState(patch: Partial<State>): void {
  batch(() => {
    for (const [name, value] of Object.entries(patch) as [keyof State, never][])
      (state[name] as Signal<never>).value = value;
  });
}

let amending = false;

/** The same where the page itself mends the state, which is no step that one could take back. */
export function amendState(patch: Partial<State>): void {
  amending ||= (Object.entries(patch) as [keyof State, unknown][]).some(
    ([name, value]) => state[name].peek() !== value,
  );
  setState(patch);
}

/** Whether the page mended the state since this was last asked. */
export function amended(): boolean {
  const was = amending;
  amending = false;
  return was;
}

/** The attention that holds the chosen head. */
export const attention = computed<Attention | null>(
  () =>
    run.value?.attention.find(
      ({ part, layer }) => part === state.part.value && layer === state.layer.value,
    ) ?? null,
);

/** The language of a side, where the model's name says it. */
export function languageOf(side: keyof Languages): string | undefined {
  return model.value?.languages?.[side] ?? undefined;
}

/** What the model does with a text; the words of the page follow from it. */
export type TextKind = "translation" | "generation" | "encoder";

export const kind = computed<TextKind>(() => {
  const own = model.value?.kind;
  return own === "generation" || own === "encoder" ? own : "translation";
});

/** The labels of a classifier; undefined for other models. */
export const labels = computed<string[] | undefined>(() => model.value?.labels);

/** The tokens of the text that the model was given: the source, or a prompt. */
export function givenTokens(answer: Run): Token[] {
  if (answer.source.length) return answer.source;
  return answer.decoder_input.slice(0, answer.prompt ?? answer.decoder_input.length);
}

/** The tokens at the positions that the model predicts something for. */
export function predictingTokens(answer: Run): Token[] {
  return answer.decoder_input.length ? answer.decoder_input : answer.source;
}

const PARTS: Record<Part, true> = { encoder: true, decoder: true, cross: true };

/** Whether a part is one of a model's; a recording's are named after its stacks. */
export function isPart(part: string): part is Part {
  return Object.hasOwn(PARTS, part);
}

const stepsByPath = computed<Map<string, Step>>(
  () => new Map(run.value?.steps.map((step): [string, Step] => [step.path, step])),
);

/** The steps of a backward pass that a view asked for: of the loss, and the gradients. */
export interface BackwardSteps {
  of: Run;
  /** Whose loss it is; null for the mean over all positions that count. */
  position: number | null;
  steps: Map<string, Step>;
}

/** The backward pass that the page looks at: its numbers are asked for as those of the run are. */
export const backward = signal<BackwardSteps | null>(null);

/** The backward pass that a path is of, if it is of one and not of the run itself. */
export function backwardOf(of: Run | null, path: string): BackwardSteps | null {
  const pass = backward.value;
  return pass && pass.of === of && pass.steps.has(path) ? pass : null;
}

export function stepAt(path: string): Step | undefined {
  return stepsByPath.value.get(path) ?? backwardOf(run.value, path)?.steps.get(path);
}

/** The tokens that label a part's queries. Decoder rows follow the `rows` switch. */
export function queryTokens(part: string = state.part.value): Token[] {
  const answer = run.value;
  if (!answer) return [];
  const entry = answer.attention.find(
    (entry) => entry.part === part && entry.layer === state.layer.value,
  );
  if (entry?.query_tokens) return entry.query_tokens;
  if (part === "encoder" || part === "self") return answer.source;
  return state.rows.value === "output" ? answer.predicted : answer.decoder_input;
}

/** The tokens that label a part's keys. */
export function keyTokens(part: string = state.part.value): Token[] {
  const answer = run.value;
  if (!answer) return [];
  const entry = answer.attention.find(
    (entry) => entry.part === part && entry.layer === state.layer.value,
  );
  if (entry?.key_tokens) return entry.key_tokens;
  return part === "decoder" ? answer.decoder_input : answer.source;
}
