/** Changing the edits, and taking a change back. The edits themselves are in the address. */

import { effect, signal } from "@preact/signals";
import type { Edit } from "../../../core/protocol";
import { setState, state } from "../../../core/state/state";

const MOST = 100;
const past = signal<Edit[][]>([]);
let last = state.edits.peek();
let sentence = "";
let undoing = false;

// Whoever changes the edits (a view, the shell, an address), it can be taken back here: until
// another sentence comes, since edits speak of the tokens of one.
effect(() => {
  const now = state.edits.value;
  const of = JSON.stringify([state.text.value, state.sentence.value]);
  if (of !== sentence) past.value = [];
  else if (!undoing && !same(now, last)) past.value = [...past.peek(), last].slice(-MOST);
  [last, sentence] = [now, of];
});

export function canUndo(): boolean {
  return past.value.length > 0;
}

export function undo(): void {
  const before = past.peek().at(-1);
  if (!before) return;
  undoing = true;
  past.value = past.peek().slice(0, -1);
  setState({ edits: before });
  undoing = false;
}

/** What an edit acts on: two edits of one target would be one of them too many. */
function target(edit: Edit): string {
  const {
    value: _value,
    renormalise: _renormalise,
    token: _token,
    ...on
  } = edit as Edit & Record<string, unknown>;
  return JSON.stringify(Object.entries(on).sort());
}

export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Add an edit; one of the same kind on the same target is replaced by it. */
export function addEdit(edit: Edit): void {
  const edits = state.edits.peek();
  const place = edits.findIndex((other) => target(other) === target(edit));
  setState({ edits: place < 0 ? [...edits, edit] : edits.with(place, edit) });
}

export function removeEdit(place: number): void {
  setState({ edits: state.edits.peek().filter((_, other) => other !== place) });
}

export function removeAll(): void {
  setState({ edits: [] });
}

export function hasEdit(edit: Edit): boolean {
  return state.edits.value.some((other) => target(other) === target(edit));
}

/** Add an edit, or remove it where it is there already. */
export function toggleEdit(edit: Edit): void {
  const place = state.edits.peek().findIndex((other) => target(other) === target(edit));
  if (place < 0) addEdit(edit);
  else removeEdit(place);
}
