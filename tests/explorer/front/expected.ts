/** Numbers from Python, which tests/explorer/test_front.py writes; without them, these tests skip. */

import { readFileSync } from "node:fs";
import type { ScalarIndex } from "front/core/protocol";

export interface Expected {
  /** Every half-precision number in the order of its bits; NaN and infinities as text. */
  halves: (number | string)[];
  /** Containers in base64, and what is in them. */
  containers: {
    bytes: string;
    json: unknown;
    arrays: Record<string, { dtype: string; shape: number[]; numbers: (number | string)[] }>;
  }[];
  /** Numbers and their repr. */
  reprs: [number, string][];
  /** Entries of an operand's index, the index of the explained number, and what comes out. */
  indices: [ScalarIndex, number[], number][];
}

export const expected: Expected | null = process.env.EXPECTED
  ? (JSON.parse(readFileSync(process.env.EXPECTED, "utf-8")) as Expected)
  : null;

/** For a test's options: why it is skipped, or false. */
export const skip = expected ? false : "needs Python's numbers: run tests/explorer/test_front.py";
