/** What the walk holds fixed, and where its numbers stand in the trace. Steps that a model does not
 * have (another kind of norm, of positions) are asked for with `has`, never assumed. */

import type { Attention, Run, Token, Window } from "../../core/protocol";
import {
  attention,
  labels,
  model,
  predictingTokens,
  run,
  state,
  stepAt,
} from "../../core/state/state";

export interface Plan {
  run: Run;
  part: string;
  layer: number;
  layers: number;
  head: number;
  heads: number;
  /** Of the keys and values that this head reads. */
  kvHead: number;
  kvHeads: number;
  headDim: number;
  width: number;
  /** Positions: of the query, of the key, and of what predicts a word, or a label, which the first
   * position does. */
  query: number;
  key: number;
  position: number;
  /** Whether the query's own position is where a word is predicted. */
  own: boolean;
  queries: Token[];
  keys: Token[];
  /** The stacks that queries and keys come from. */
  stack: "encoder" | "decoder";
  keyStack: "encoder" | "decoder";
  /** Paths: of the attention, of its norm, of its layer. */
  path: string;
  norm: string;
  layerPath: string;
  normBefore: boolean;
  /** Whether attention and feed-forward read the same input. */
  parallel: boolean;
  config: Record<string, unknown>;
}

export function has(path: string): boolean {
  return stepAt(path) !== undefined;
}

/** The plan of the state, with this key where none is chosen; null before a translation. */
export function planFor(key: number): Plan | null {
  const [answer, of, description] = [run.value, attention.value, model.value];
  const config = description?.config;
  if (!answer || !of || !config) return null;
  const part = of.part;
  const stack = part === "encoder" ? "encoder" : "decoder";
  const keyStack = part === "decoder" ? "decoder" : "encoder";
  const heads = of.heads;
  const kvHeads = axisOf(`${of.path}.key`, 1, heads);
  const head = Math.min(state.head.value, heads - 1);
  const width = numberIn(config, "d_model", 0);
  const query = Math.min(state.query.value, of.queries - 1);
  const layerPath = of.path.slice(0, of.path.lastIndexOf("."));
  const own = answer.decoder_input.length === 0 || stack === "decoder";
  const last = predictingTokens(answer).length - 1;
  return {
    run: answer,
    part,
    layer: of.layer,
    layers: description.parts.find((entry) => entry.part === part)?.layers ?? of.layer + 1,
    head,
    heads,
    kvHead: Math.floor((head * kvHeads) / heads),
    kvHeads,
    headDim: axisOf(`${of.path}.query`, 3, width / heads),
    width,
    query,
    key: Math.min(key, of.keys - 1),
    position: labels.value ? 0 : own ? query : Math.min(state.position.value ?? 0, last),
    own,
    queries: tokensOf(answer, stack),
    keys: tokensOf(answer, keyStack),
    stack,
    keyStack,
    path: of.path,
    norm: `${of.path}_norm`,
    layerPath,
    normBefore: config.norm_place !== "after",
    parallel: config.parallel_sublayers === true,
    config,
  };
}

/** How many entries a step has on an axis. */
export function axisOf(path: string, axis: number, otherwise: number): number {
  return stepAt(path)?.shape[axis] ?? otherwise;
}

function tokensOf(answer: Run, stack: "encoder" | "decoder"): Token[] {
  return stack === "encoder" ? answer.source : answer.decoder_input;
}

/** The window of this head's row of weights, by which the default key is chosen. */
export function weightsRow(of: Attention): Window {
  const head = Math.min(state.head.value, of.heads - 1);
  const query = Math.min(state.query.value, of.queries - 1);
  return [
    [0, 1],
    [head, head + 1],
    [query, query + 1],
    [0, of.keys],
  ];
}

export function numberIn(config: Record<string, unknown>, name: string, otherwise: number): number {
  const value = config[name];
  return typeof value === "number" ? value : otherwise;
}

/** How a step is computed, as one would write it on a board; `values` stand for its $names. Empty
 * for a step that is not there. */
export function notation(path: string, values: Record<string, string | number> = {}): string {
  const text = stepAt(path)?.notation ?? "";
  return text.replace(/\$(\w+)/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The notations of several steps, as equations beside each other. */
export function notations(...paths: string[]): string {
  return paths
    .map((path) => notation(path))
    .filter(Boolean)
    .join(",  ");
}

/** Where the attention's input comes from: the norm's source, or what the projections read. */
export function attentionInput(plan: Plan): string {
  const first = stepAt(plan.normBefore ? `${plan.norm}.normalized` : projection(plan, "query"));
  return first?.of[0] ?? `${plan.layerPath}.input`;
}

/** What a residual sum adds: the stream before it, and the output of the sublayer. */
export function summands(path: string): [string, string] {
  const of = stepAt(path)?.of ?? [];
  return [of[0] ?? "", of[1] ?? ""];
}

/** A number of one of the config's parts, such as the cap of scores; null where there is none. */
export function partNumber(
  config: Record<string, unknown>,
  part: string,
  name: string,
): number | null {
  const values = config[part] as Record<string, unknown> | undefined;
  const value = values?.[name];
  return typeof value === "number" ? value : null;
}

/** The step of a projection, before positions turn it where they are rotary. */
export function projection(plan: Plan, name: "query" | "key"): string {
  const projected = `${plan.path}.${name}_projected`;
  return has(projected) ? projected : `${plan.path}.${name}`;
}

/** Windows of single rows and of this head. */
export function rowOf(position: number, width: number): Window {
  return [
    [0, 1],
    [position, position + 1],
    [0, width],
  ];
}

export function headRows(head: number, rows: [number, number], columns: [number, number]): Window {
  return [[0, 1], [head, head + 1], rows, columns];
}

export function one(index: number): [number, number] {
  return [index, index + 1];
}

/** A token in words: its piece in quotation marks, or what a special one is. */
export function quoted(token: Token | undefined): string {
  return token ? `“${token.piece}”` : "";
}
