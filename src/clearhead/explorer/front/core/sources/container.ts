/** Decoding of answers that carry arrays: a length, a JSON header, then raw little-endian bytes. */

export type Numbers = Float64Array | Float32Array | Int32Array | Uint8Array;

export interface NumberArray {
  dtype: string;
  shape: number[];
  data: Numbers;
}

export interface Answer<T> {
  json: T;
  arrays: Record<string, NumberArray>;
}

const KINDS = {
  float64: Float64Array,
  float32: Float32Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

interface Header {
  json: unknown;
  arrays: { name: string; dtype: keyof typeof KINDS; shape: number[]; offset: number }[];
}

export function decode<T>(buffer: ArrayBuffer): Answer<T> {
  const length = new DataView(buffer).getUint32(0, true);
  const start = 4 + length;
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as Header;
  const arrays = Object.create(null) as Record<string, NumberArray>;
  for (const { name, dtype, shape, offset } of header.arrays) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const Kind = KINDS[dtype];
    if (!Kind)
      throw new Error(
        `An array of dtype ${dtype} came; this page reads ${Object.keys(KINDS).join(", ")}.`,
      );
    arrays[name] = { dtype, shape, data: new Kind(buffer, start + offset, size) };
  }
  return { json: header.json as T, arrays };
}
