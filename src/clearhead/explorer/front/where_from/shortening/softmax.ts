/** A softmax over a vocabulary in a program that one can read: its largest numbers, and a remainder.
 * Written out in full, the row of a probability would be 200 kB. Python does the same, in
 * clearhead.explorer.derivations.short_softmax. */

import type { Label } from "../../core/protocol";
import type { OperandNumbers } from "../derive";

export const LONG = 256;
export const LARGEST = 50;
export const REMAINDER = "rest";
const SUM = /np\.exp\((\w+) - \1\.max\(\)\)\.sum\(\)/;

export interface ShortExpression {
  expression: string;
  operands: OperandNumbers[];
  /** What is to be said of some of them, by symbol. */
  notes: Map<string, Label>;
}

/** An expression of few numbers with the same value, where it is a softmax of a long row. */
export function shortenSoftmax(expression: string, operands: OperandNumbers[]): ShortExpression {
  const whole = { expression, operands, notes: new Map<string, Label>() };
  const [sum = "", symbol = ""] = SUM.exec(expression) ?? [];
  const row = operands.find((operand) => operand.symbol === symbol);
  const [, placeSymbol] = /\.max\(\)\)\[(\w+)\]/.exec(expression) ?? [];
  const place = operands.find((operand) => operand.symbol === placeSymbol);
  if (!sum || !row || !place || row.shape.length !== 1 || row.numbers.length <= LONG) return whole;

  const { numbers } = row;
  const size = numbers.length;
  const at = place.numbers[0] ?? 0;
  const order = Array.from(numbers.keys()).sort((a, b) => (numbers[b] ?? 0) - (numbers[a] ?? 0));
  const shown = order.slice(0, LARGEST);
  if (!shown.includes(at)) shown.push(at);
  const largest = numbers[order[0] ?? 0] ?? 0;
  const others = new Set(shown);
  let rest = 0;
  for (let token = 0; token < size; token++)
    if (!others.has(token)) rest += Math.exp((numbers[token] ?? 0) - largest);
  const written = Float64Array.from(shown, (token) => numbers[token] ?? 0);
  const one = (of: OperandNumbers, value: number): OperandNumbers => ({
    ...of,
    numbers: Float64Array.of(value),
  });
  return {
    expression: expression.replace(sum, `(${sum} + ${REMAINDER})`),
    operands: [
      ...operands.map((operand) => {
        if (operand === row) return { ...row, numbers: written, shape: [written.length] };
        return operand === place ? one(place, shown.indexOf(at)) : operand;
      }),
      {
        ...one(place, Number(rest.toExponential(9))),
        symbol: REMAINDER,
        integer: false,
      },
    ],
    notes: new Map<string, Label>([
      [symbol, { key: "largestOnly", name: `${shown.length} / ${size}` }],
      [place.symbol, { key: "placeAmongLargest" }],
      [REMAINDER, { key: "restOfSum", name: String(size - shown.length) }],
    ]),
  };
}
