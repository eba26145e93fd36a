/** The arrays of a saved page: stored numbers, and those that follow from them by one elementwise
 * operation, which are the same bits as in Python (`clearhead.explorer.offline.numbers`). */

import type { StoredArray } from "../protocol";
import type { NumberArray, Numbers } from "./container";

export interface SavedArray extends NumberArray {
  data: Float64Array | Float32Array | Int32Array;
  entry: StoredArray;
}

const KINDS = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  int32: Int32Array,
} as const;

export class EmbeddedNumbers {
  private readonly entries: Map<string, StoredArray>;
  private readonly arrays = new Map<string, SavedArray>();
  private readonly numbersByType = new Map<
    string,
    Float64Array | Float32Array | Uint16Array | Int32Array
  >();

  constructor(
    entries: StoredArray[],
    private readonly sorted: Record<string, NumberArray>,
  ) {
    this.entries = new Map(entries.map((entry) => [entry.path, entry]));
  }

  has(path: string): boolean {
    return this.entries.has(path);
  }

  get(path: string): SavedArray | undefined {
    const earlier = this.arrays.get(path);
    const entry = this.entries.get(path);
    if (earlier || !entry) return earlier;
    const data = entry.stored ? this.read(entry) : this.follow(entry);
    const dtype =
      data instanceof Int32Array ? "int32" : data instanceof Float32Array ? "float32" : "float64";
    const array = { dtype, shape: savedShape(entry), data, entry };
    this.arrays.set(path, array);
    return array;
  }

  private read({
    stored = "float64",
    start = 0,
    single,
    ...entry
  }: StoredArray): SavedArray["data"] {
    const numbers = this.numbers(stored).subarray(
      start,
      start + count(savedShape(entry as StoredArray)),
    );
    if (numbers instanceof Uint16Array) {
      const wide = Float64Array.from(numbers, fromHalf);
      return single ? Float32Array.from(wide) : wide;
    }
    return numbers instanceof Float32Array && !single ? Float64Array.from(numbers) : numbers;
  }

  /** All numbers of a type, their bytes in order again. */
  private numbers(
    type: keyof typeof KINDS,
  ): Float64Array | Float32Array | Uint16Array | Int32Array {
    let numbers = this.numbersByType.get(type);
    if (!numbers) {
      const bytes = this.sorted[type]?.data as Uint8Array;
      const Kind = KINDS[type];
      const size = bytes.length / Kind.BYTES_PER_ELEMENT;
      const inOrder = new Uint8Array(bytes.length);
      for (let plane = 0; plane < Kind.BYTES_PER_ELEMENT; plane++)
        for (let place = 0; place < size; place++)
          inOrder[place * Kind.BYTES_PER_ELEMENT + plane] = bytes[plane * size + place] as number;
      numbers = new Kind(inOrder.buffer);
      this.numbersByType.set(type, numbers);
    }
    return numbers;
  }

  private follow({ recipe, of = [], number = 0, shape }: StoredArray): SavedArray["data"] {
    const operands = of.map((path) => this.get(path) as SavedArray);
    const x = (operands[0] as SavedArray).data;
    const y = operands[1]?.data ?? x;
    const z = operands[2]?.data ?? x;
    if (recipe === "copy") return x;
    if (recipe === "heads") return sideBySide(operands[0] as SavedArray);
    const keys = shape[shape.length - 1] ?? 1;
    const queries = shape[shape.length - 2] ?? 1;
    const width = keys;
    const result = new Float64Array(count(shape));
    // Operands with fewer numbers are repeated from the beginning: vectors, positions.
    for (let i = 0; i < result.length; i++) {
      const a = x[i % x.length] as number;
      const b = y[i % y.length] as number;
      const c = z[i % z.length] as number;
      const row = Math.floor(i / width);
      if (recipe === "times") result[i] = a * number;
      else if (recipe === "relu") result[i] = Math.max(a, 0);
      else if (recipe === "sum") result[i] = a + b;
      else if (recipe === "affine") result[i] = a * b + c;
      else if (recipe === "causal") result[i] = i % keys <= row % queries ? a : -Infinity;
      else result[i] = (a - (y[row] as number)) / Math.sqrt((z[row] as number) + number);
    }
    return result;
  }
}

/** [batch, heads, length, width] to [batch, length, heads * width]. */
function sideBySide({ data, entry }: SavedArray): SavedArray["data"] {
  const [batch = 1, heads = 1, length = 1, width = 1] = entry.shape;
  const result = data.slice();
  for (let b = 0; b < batch; b++)
    for (let head = 0; head < heads; head++)
      for (let place = 0; place < length; place++)
        for (let column = 0; column < width; column++)
          result[((b * length + place) * heads + head) * width + column] = data[
            ((b * heads + head) * length + place) * width + column
          ] as number;
  return result;
}

/** The shape of what is here of an array. */
export function savedShape({ shape, axis, kept }: StoredArray): number[] {
  return shape.map((size, place) => (place === axis ? (kept?.length ?? size) : size));
}

export function count(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The number that 16 bits of half precision stand for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : sign * 2 ** -24 * fraction;
}

/** A window of numbers in C order, all of the axes being of this `shape`. */
export function slice(data: Numbers, shape: number[], places: number[][]): Numbers {
  const result = data.slice(0, count(places.map((axis) => axis.length)));
  const strides = shape.map((_, axis) => count(shape.slice(axis + 1)));
  let next = 0;
  const walk = (axis: number, offset: number): void => {
    if (axis === shape.length) {
      result[next++] = data[offset] as number;
      return;
    }
    for (const place of places[axis] ?? []) walk(axis + 1, offset + place * (strides[axis] ?? 1));
  };
  walk(0, 0);
  return result;
}
