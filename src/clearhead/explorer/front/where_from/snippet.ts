/** A number's derivation as a Python program that runs by itself and asserts the number: the text
 * that `clearhead.explorer.derivations.snippet` writes, to the last digit. */

import type { Explanation, OperandNumbers } from "./derive";
import { shortenProduct } from "./shortening/product";
import { shortenSoftmax } from "./shortening/softmax";
import { labelText } from "./words";

const WIDTH = 96;

/** null for a number that was given or set: there is nothing to compute. */
export function snippet({
  path,
  index,
  value,
  step,
  derivation,
  operands,
  rounded,
}: Explanation): string | null {
  const expression = derivation?.expression;
  if (!expression || !operands.length) return null;
  const lines = /\bmath\./.test(expression) ? ["import math", ""] : [];
  lines.push("import numpy as np", "");
  if (step) lines.push(`# ${heading(path, index, step.formula)}`);
  const softmax = shortenSoftmax(expression, operands);
  const isSame = softmax.expression === expression;
  const short = isSame ? shortenProduct(expression, operands) : softmax;
  const labels = new Map(operands.map(({ symbol, label }) => [symbol, label]));
  for (const operand of short.operands) {
    const { symbol } = operand;
    const texts = [labels.get(symbol), short.notes.get(symbol)].flatMap((label) =>
      label ? [labelText(label)] : [],
    );
    lines.push(`# ${symbol}: ${texts.join("; ")}`, `${symbol} = ${literal(operand)}`);
  }
  const tolerance = rounded ? "rtol=1e-5, atol=1e-5" : "rtol=1e-9, atol=1e-12";
  if (rounded) lines.push("# the numbers of this page are rounded to float32");
  lines.push(
    `value = ${short.expression}`,
    `assert np.isclose(value, ${python(value)}, ${tolerance}), value`,
    "print(value)",
  );
  return `${lines.join("\n")}\n`;
}

function heading(path: string, index: number[], formula: string): string {
  return `${path}[${index.join(", ")}]${formula ? `: ${formula}` : ""}`.replace(/\s+/g, " ").trim();
}

function literal({ shape, numbers, integer }: OperandNumbers): string {
  const items = Array.from(numbers, (number) => python(number, integer));
  if (!shape.length) return items[0] ?? "";
  const reshaped = shape.length > 1 ? `.reshape(${shape.join(", ")})` : "";
  return `np.array([\n${wrap(items)}\n])${reshaped}`;
}

function wrap(items: string[]): string {
  const lines = [""];
  for (const item of items) {
    const last = lines[lines.length - 1] ?? "";
    const text = ` ${item},`;
    if (last && 3 + last.length + text.length > WIDTH) lines.push(text);
    else lines[lines.length - 1] = last + text;
  }
  return lines.map((line) => `   ${line}`).join("\n");
}

/** As Python's repr writes a number: the shortest digits that read back as the same float64. */
export function python(value: number, integer = false): string {
  if (Number.isNaN(value)) return "np.nan";
  if (!Number.isFinite(value)) return value < 0 ? "-np.inf" : "np.inf";
  if (integer) return String(value);
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, "0");
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
  }
  // Between these bounds JS writes an exponent only below 1e-6, where Python does already.
  const text = String(value);
  return text.includes(".") ? text : `${text}.0`;
}
