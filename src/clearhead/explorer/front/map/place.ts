/** Where one is on the map, and going elsewhere. The state holds both, so the address does too. */

import { elementById } from "../core/host/tree";
import { fit } from "../core/state/running";
import { attention, run, type State, setState, state } from "../core/state/state";
import { type Stack, stackOf } from "./stacks";

export type Box = "embedding" | "attention" | "feed" | "output";

/** Of the walk's panels, those that are about something else than attention. */
const BOXES: Partial<Record<string, Box>> = {
  "": "embedding", // the walk begins with the text
  text: "embedding",
  tokens: "embedding",
  embedding: "embedding",
  position: "embedding",
  feed: "feed",
  "residual-two": "feed",
  final: "output",
  transform: "output",
  logits: "output",
  words: "output",
};

/** The walk's first panel about an attention. */
const FIRST_OF_ATTENTION = "vectors";

export interface Place {
  stack: string;
  box: Box;
  part: string;
  layer: number;
  head: number;
}

/** Where the page looks at; null before a text is read. */
export function placeNow(): Place | null {
  const current = attention.value;
  if (!current) return null;
  const { part, layer } = current;
  return { stack: stackOf(part), box: boxNow(), part, layer, head: state.head.value };
}

function boxNow(): Box {
  return (state.view.value === "walk" && BOXES[state.step.value]) || "attention";
}

/** Whether what is there of a place is where the page looks at. */
export function isHere(place: Place | null, there: Partial<Place> & { box: Box }): boolean {
  if (!place) return false;
  return (Object.keys(there) as (keyof Place)[]).every((name) => there[name] === place[name]);
}

/** Whether a head is the one that all views hold fixed, wherever in the model the page looks. */
export function isLocked(place: Place | null, part: string, layer: number, head: number): boolean {
  return place?.part === part && place.layer === layer && place.head === head;
}

/** A head, in the view that is open. */
export function goToHead(part: string, layer: number, head: number): void {
  const patch: Partial<State> = { part, layer, head };
  if (boxNow() !== "attention") patch.step = FIRST_OF_ATTENTION;
  go(patch);
}

/** A box that the walk alone has something to say about. */
export function goToStep(stack: Stack, step: string, layer?: number): void {
  const here = state.part.peek();
  const last = stack.parts[stack.parts.length - 1] ?? here;
  // What comes behind both attentions of a decoder is walked from the one that reads the source.
  const part = step === "embedding" && stack.parts.includes(here) ? here : last;
  const again = state.view.peek() === "walk" && state.step.peek() === step;
  go({ part, view: "walk", step, moment: null, ...(layer !== undefined && { layer }) });
  if (again) elementById(`walk-${step}`)?.scrollIntoView({ block: "start" });
}

function go(patch: Partial<State>): void {
  setState(patch);
  fit(run.peek(), setState);
}
