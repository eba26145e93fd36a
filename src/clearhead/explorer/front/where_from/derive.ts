/** Where a number comes from: the derivation that holds for one element of a step, with the slices
 * that it names filled with their numbers. */

import type {
  Derivation,
  IndexEntry,
  Label,
  Operand,
  ScalarIndex,
  Step,
  Window,
} from "../core/protocol";
import { askArray } from "../core/state/arrays";
import { stepAt } from "../core/state/state";

export const WEIGHTS = "weights/";

export interface StepElement {
  path: string;
  index: number[];
}

/** A number that the page shows; null is -infinity. */
export interface NumberOnPage extends StepElement {
  value: number | null;
  /** Of a number between two steps: how it follows from steps. Path and index then only name it. */
  derivation?: Derivation;
}

/** An operand with its numbers; `numbers` are null where masked (-infinity). */
export interface OperandNumbers {
  symbol: string;
  label: Label;
  /** Axes that are whole; [] for a single number. */
  shape: number[];
  numbers: Float64Array;
  integer: boolean;
  /** What the whole axes are axes of; undefined where that is not known. */
  axes?: { path: string; names: string[] };
  /** The element of the step that `place` of the flattened numbers is; null for constants. */
  element: (place: number) => StepElement | null;
  /** As one would write the slice, such as "encoder.embedded[0, 3, :]". */
  slice: string | null;
}

export interface Explanation extends StepElement {
  value: number;
  step: Step | null;
  derivation: Derivation | null;
  operands: OperandNumbers[];
  /** The value is a float32, so its operands give it to about 7 digits. */
  rounded: boolean;
}

/** The element, its exact value, and what it follows from. */
export async function explain({
  path,
  index,
  value,
  derivation: own,
}: NumberOnPage): Promise<Explanation> {
  const step = own ? null : (stepAt(path) ?? null);
  const derivation = own ?? step?.derivations.find((each) => holds(each, step, index)) ?? null;
  const [element, operands] = await Promise.all([
    own ? { value: value ?? -Infinity, rounded: false } : elementAt(path, index),
    Promise.all((derivation?.operands ?? []).map((operand) => fill(operand, index))),
  ]);
  return { path, index, ...element, step, derivation, operands };
}

async function elementAt(
  path: string,
  index: number[],
): Promise<{ value: number; rounded: boolean }> {
  const array = await askArray(
    path,
    index.map((place) => [place, place + 1]),
  );
  return { value: Number(array.data[0]), rounded: array.dtype === "float32" };
}

function holds({ when }: Derivation, step: Step, index: number[]): boolean {
  if (!when) return true;
  if ("replaced" in when)
    return isReplacedAt(step, index) && (!when.index || at(when.index, index));
  const place = Math.floor((index[when.axis] ?? 0) / (when.floordiv ?? 1));
  return (when.mod ? place % when.mod : place) === when.equals;
}

/** An edit of one head leaves the other heads of its step as they were computed. */
function isReplacedAt({ replaced, replaced_at }: Step, index: number[]): boolean {
  if (!replaced || !replaced_at) return replaced;
  return replaced_at.some((edit) => at(edit.index, index));
}

function at(places: (number | null)[], index: number[]): boolean {
  return places.every((place, axis) => place === null || place === index[axis]);
}

async function fill(operand: Operand, index: number[]): Promise<OperandNumbers> {
  const { symbol, label } = operand;
  if ("constant" in operand)
    return single(symbol, label, operand.constant, Number.isInteger(operand.constant));
  if ("scalar" in operand) return single(symbol, label, place(operand.scalar, index), true);
  const { path } = operand;
  const entries = await Promise.all(operand.index.map((entry) => resolve(entry, index)));
  // The whole axes' sizes come back with the window; asking past the end is never needed.
  const sizes = await shapeOf(path, entries);
  const window: Window = entries.map((entry, axis) =>
    entry === ":" ? [0, sizes[axis] ?? 1] : [entry, entry + 1],
  );
  const array = await askArray(path, window);
  const whole = entries.flatMap((entry, axis) => (entry === ":" ? [axis] : []));
  const shape = whole.map((axis) => array.shape[axis] ?? 1);
  return {
    symbol,
    label,
    shape,
    numbers: Float64Array.from(array.data),
    integer: array.dtype.startsWith("int") || array.dtype.startsWith("uint"),
    axes: { path, names: whole.map((axis) => stepAt(path)?.axes?.[axis] ?? "") },
    element: (flat) => ({ path, index: unravel(flat, shape, entries) }),
    slice: `${path}[${entries.join(", ")}]`,
  };
}

function single(symbol: string, label: Label, value: number, integer: boolean): OperandNumbers {
  return {
    symbol,
    label,
    shape: [],
    numbers: Float64Array.of(value),
    integer,
    element: () => null,
    slice: null,
  };
}

const shapes = new Map<string, number[]>();

/** The shape of a step, or of a weight: an element of it says so. */
async function shapeOf(path: string, entries: (number | ":")[]): Promise<number[]> {
  const shape = stepAt(path)?.shape ?? shapes.get(path);
  if (shape) return shape;
  const one = await askArray(
    path,
    entries.map((entry) => (entry === ":" ? [0, 1] : [entry, entry + 1])),
  );
  shapes.set(path, one.whole);
  return one.whole;
}

async function resolve(entry: IndexEntry, index: number[]): Promise<number | ":"> {
  if (typeof entry === "object" && "value_of" in entry) {
    const { path } = entry.value_of;
    const inner = await Promise.all(entry.value_of.index.map((each) => resolve(each, index)));
    const array = await askArray(
      path,
      inner.map((each) => (each === ":" ? [0, 1] : [each, each + 1])),
    );
    return Number(array.data[0]);
  }
  return entry === ":" ? entry : place(entry, index);
}

/** ((index[axis] * times) // floordiv) % mod + plus */
export function place(entry: ScalarIndex, index: number[]): number {
  if (typeof entry === "number") return entry;
  if ("sum" in entry) return entry.sum.reduce<number>((sum, part) => sum + place(part, index), 0);
  let at = (index[entry.axis] ?? 0) * (entry.times ?? 1);
  if (entry.floordiv) at = Math.floor(at / entry.floordiv);
  if (entry.mod) at %= entry.mod;
  return at + (entry.plus ?? 0);
}

function unravel(flat: number, shape: number[], entries: (number | ":")[]): number[] {
  const places: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    places.unshift(flat % size);
    flat = Math.floor(flat / size);
  }
  return entries.map((entry) => (entry === ":" ? (places.shift() ?? 0) : entry));
}
