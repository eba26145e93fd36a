/** A number's derivation as a Python program that runs by itself and asserts the number. */

import type { Explained, Filled } from "./derive";
import { words } from "./i18n";

const WIDTH = 96;

export function snippet({ path, index, value, step, derivation, operands }: Explained): string | null {
  if (!derivation || derivation.expression === null) return null;
  const lines = ["import numpy as np", ""];
  if (/\bmath\./.test(derivation.expression)) lines.unshift("import math", "");
  if (step) lines.push(comment(`${path}[${index.join(", ")}]${step.formula ? `: ${step.formula}` : ""}`));
  for (const operand of operands) {
    lines.push(comment(`${operand.symbol}: ${words(operand.label)}${operand.slice ? `, ${operand.slice}` : ""}`));
    lines.push(...assignment(operand));
  }
  lines.push(`value = ${derivation.expression}`);
  lines.push(`assert np.isclose(value, ${python(value)}, rtol=1e-9, atol=1e-12), value`);
  lines.push("print(value)", "");
  return lines.join("\n");
}

function comment(text: string): string {
  return `# ${text.replace(/\s+/g, " ")}`;
}

function assignment({ symbol, shape, numbers, integer }: Filled): string[] {
  const items = Array.from(numbers, (number) => python(number, integer));
  if (!shape.length) return [`${symbol} = ${items[0]}`];
  const close = shape.length > 1 ? `]).reshape(${shape.join(", ")})` : "])";
  return [`${symbol} = np.array([`, ...wrapped(items), close];
}

function wrapped(items: string[]): string[] {
  const lines: string[] = [];
  let line = "   ";
  for (const item of items) {
    if (line.length + item.length + 2 > WIDTH && line.trim()) {
      lines.push(line);
      line = "   ";
    }
    line += ` ${item},`;
  }
  return [...lines, line];
}

/** As Python writes it: a JS number's text is the shortest that reads back as the same float64. */
export function python(value: number, integer = false): string {
  if (value === -Infinity) return "-np.inf";
  if (value === Infinity) return "np.inf";
  if (Number.isNaN(value)) return "np.nan";
  if (integer) return String(value);
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
