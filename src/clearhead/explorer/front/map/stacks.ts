/** What stands on the map: the stacks of a model, their layers and what is in them. Only what the
 * run holds is there: a recording has attentions and nothing else. */

import type { Attention, Run } from "../core/protocol";
import { model, stepAt } from "../core/state/state";

export interface LayerPlan {
  layer: number;
  /** In the order of computation: a decoder's own before the one that reads the source. */
  attentions: Attention[];
  feedForward: boolean;
}

export interface Stack {
  /** A model's own stack, or a part of a recording. */
  name: string;
  parts: string[];
  embedding: boolean;
  layers: LayerPlan[];
  /** What comes behind its last layer: scores of words, or vectors; null where a stack follows. */
  output: "logits" | "final" | null;
}

/** The stack that holds a part: a decoder has two. */
export function stackOf(part: string): string {
  return part === "cross" && model.value?.kind !== "recording" ? "decoder" : part;
}

export function stacksOf(answer: Run): Stack[] {
  const stacks = new Map<string, Stack>();
  const walked = model.value?.abilities.includes("derivations") ?? false;
  for (const entry of answer.attention) {
    const name = stackOf(entry.part);
    const stack = stacks.get(name) ?? emptyStack(name, walked);
    stacks.set(name, stack);
    if (!stack.parts.includes(entry.part)) stack.parts.push(entry.part);
    const layer = stack.layers.find((one) => one.layer === entry.layer);
    if (layer) layer.attentions.push(entry);
    else stack.layers.push(layerOf(entry, walked));
  }
  const all = [...stacks.values()];
  for (const { layers } of all) {
    layers.sort((one, other) => one.layer - other.layer);
    for (const { attentions } of layers)
      attentions.sort(
        (one, other) => Number(one.part === "cross") - Number(other.part === "cross"),
      );
  }
  const last = all[all.length - 1];
  if (last && walked) last.output = stepAt("logits") ? "logits" : "final";
  return all;
}

function emptyStack(name: string, walked: boolean): Stack {
  return { name, parts: [], embedding: walked, layers: [], output: null };
}

function layerOf(entry: Attention, walked: boolean): LayerPlan {
  const layerPath = entry.path.slice(0, entry.path.lastIndexOf("."));
  const feedForward = walked && stepAt(`${layerPath}.feed_forward.output`) !== undefined;
  return { layer: entry.layer, attentions: [entry], feedForward };
}

/** Whether an attention reads another text than it writes to. */
export function isCross(entry: Attention): boolean {
  return (entry.kind ?? (entry.part === "cross" ? "cross" : "self")) === "cross";
}

/** More heads than this are drawn without their signs, but for the layer that one looks at. */
const MOST_HEADS = 160;

export function isDense(answer: Run): boolean {
  return answer.attention.reduce((sum, { heads }) => sum + heads, 0) > MOST_HEADS;
}

/** Columns in which the signs of so many heads stand, where the page is wide and where it is not. */
export function columnsOf(heads: number): { "--columns": number; "--few": number } {
  const columns = heads <= 12 ? Math.min(heads, 4) : heads % 6 === 0 ? 6 : 8;
  return { "--columns": columns, "--few": heads <= 4 ? Math.ceil(heads / 2) : columns };
}
