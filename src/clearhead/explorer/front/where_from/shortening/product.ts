/** A product of two long vectors in a program that one can read: its largest terms, and a remainder.
 * Written out in full, a gradient that comes back from a vocabulary would be 400 kB. Python does the
 * same, in clearhead.explorer.derivations.short_product. */

import type { OperandNumbers } from "../derive";
import { LARGEST, LONG, REMAINDER, type ShortExpression } from "./softmax";

const PRODUCT = /^(\w+) @ (\w+)$/;

/** An expression of few numbers with the same value, where it is one long product. */
export function shortenProduct(expression: string, operands: OperandNumbers[]): ShortExpression {
  const whole = { expression, operands, notes: new Map() };
  const [, one, other] = PRODUCT.exec(expression) ?? [];
  const a = operands.find(({ symbol }) => symbol === one);
  const b = operands.find(({ symbol }) => symbol === other);
  if (!a || !b || a.shape.length !== 1 || b.shape.length !== 1) return whole;
  const size = a.numbers.length;
  if (size <= LONG || b.numbers.length !== size) return whole;

  const terms = a.numbers.map((number, place) => number * (b.numbers[place] ?? 0));
  const sizeOf = (place: number): number => Math.abs(terms[place] ?? 0);
  const order = Array.from(terms.keys()).sort((i, j) => sizeOf(j) - sizeOf(i));
  const largest = order.slice(0, LARGEST);
  const rest = order.slice(LARGEST).reduce((sum, place) => sum + (terms[place] ?? 0), 0);
  const some = (of: OperandNumbers): OperandNumbers => ({
    ...of,
    numbers: Float64Array.from(largest, (place) => of.numbers[place] ?? 0),
    shape: [LARGEST],
  });
  const note = { key: "largestTerms", name: `${LARGEST} / ${size}` };
  return {
    expression: `${expression} + ${REMAINDER}`,
    operands: [
      some(a),
      some(b),
      { ...a, symbol: REMAINDER, shape: [], numbers: Float64Array.of(rest), integer: false },
    ],
    notes: new Map([
      [a.symbol, note],
      [b.symbol, note],
      [REMAINDER, { key: "restOfProduct", name: String(size - LARGEST) }],
    ]),
  };
}
