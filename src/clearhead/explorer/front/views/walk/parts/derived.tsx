/** Numbers between two steps of the trace: products, running sums, exponentials. Each says how it
 * follows from the steps, as every other number does. */

import type { JSX } from "preact";
import type { Derivation, Operand } from "../../../core/protocol";
import { Num } from "../../../where_from/number";
import type { Plan } from "../plan";

interface DerivedProps {
  /** A name for it, after the attention's path. */
  name: string;
  plan: Plan;
  index: number[];
  value: number;
  derivation: Derivation;
  label: string;
  digits?: number;
}

export function Derived({ name, plan, ...rest }: DerivedProps): JSX.Element {
  return <Num path={`${plan.path}.${name}`} {...rest} />;
}

function queryOf(plan: Plan): Operand {
  const index = [0, plan.head, plan.query, ":" as const];
  return { symbol: "q", label: { key: "queryVector" }, path: `${plan.path}.query`, index };
}

function keyOf(plan: Plan): Operand {
  const index = [0, plan.kvHead, plan.key, ":" as const];
  return { symbol: "k", label: { key: "keyVector" }, path: `${plan.path}.key`, index };
}

/** Length of the query or of the key, the cosine between them, and the angle in degrees. */
export function geometryOf(plan: Plan, what: "query" | "key" | "cosine" | "angle"): Derivation {
  const [q, k] = [queryOf(plan), keyOf(plan)];
  const cosine = "(q * k).sum() / ((q * q).sum() * (k * k).sum()) ** 0.5";
  if (what === "query") return { expression: "(q * q).sum() ** 0.5", operands: [q] };
  if (what === "key") return { expression: "(k * k).sum() ** 0.5", operands: [k] };
  if (what === "cosine") return { expression: cosine, operands: [q, k] };
  return { expression: `np.degrees(np.arccos(${cosine}))`, operands: [q, k] };
}

/** Contributions of some keys to one entry of the head's output, added up. */
export function partOfOutput(plan: Plan, keys: [number, number], column: number): Derivation {
  const index = [0, plan.head, plan.query, ":" as const, column];
  const path = `${plan.path}.contributions`;
  return {
    expression: "p[i:j + 1].sum()",
    operands: [
      { symbol: "p", label: { key: "keyContributions" }, path, index },
      { symbol: "i", label: { key: "keyPosition" }, scalar: keys[0] },
      { symbol: "j", label: { key: "keyPosition" }, scalar: keys[1] },
    ],
  };
}

/** The cosine of the angle between two rows of a table of embeddings. */
export function cosineOf(table: string, token: number, other: number): Derivation {
  const path = `weights/${table}`;
  return {
    expression: "(a * b).sum() / ((a * a).sum() * (b * b).sum()) ** 0.5",
    operands: [
      { symbol: "a", label: { key: "embeddingRow" }, path, index: [token, ":"] },
      { symbol: "b", label: { key: "neighbourRow" }, path, index: [other, ":"] },
    ],
  };
}

function componentOf(component: number): Operand {
  return { symbol: "c", label: { key: "component" }, scalar: component };
}

/** One product of a score. */
export function productOf(plan: Plan, component: number): Derivation {
  return {
    expression: "q[c] * k[c]",
    operands: [queryOf(plan), keyOf(plan), componentOf(component)],
  };
}

/** The products up to a component, added up. */
export function runningSum(plan: Plan, component: number): Derivation {
  return {
    expression: "(q[:c + 1] * k[:c + 1]).sum()",
    operands: [queryOf(plan), keyOf(plan), componentOf(component)],
  };
}

function maskedRow(plan: Plan): Operand {
  const index = [0, plan.head, plan.query, ":" as const];
  return { symbol: "m", label: { key: "maskedRow" }, path: `${plan.path}.masked`, index };
}

export function largestOf(plan: Plan): Derivation {
  return { expression: "m.max()", operands: [maskedRow(plan)] };
}

/** A score less the largest of its row. */
export function shiftedOf(plan: Plan, key: number): Derivation {
  return {
    expression: "m[j] - m.max()",
    operands: [maskedRow(plan), { symbol: "j", label: { key: "keyPosition" }, scalar: key }],
  };
}

export function expOf(plan: Plan, key: number): Derivation {
  return {
    expression: "np.exp(m[j] - m.max())",
    operands: [maskedRow(plan), { symbol: "j", label: { key: "keyPosition" }, scalar: key }],
  };
}

export function expSumOf(plan: Plan): Derivation {
  return { expression: "np.exp(m - m.max()).sum()", operands: [maskedRow(plan)] };
}

/** The weights of a row added up. */
export function weightSumOf(plan: Plan): Derivation {
  const index = [0, plan.head, plan.query, ":" as const];
  const operand = {
    symbol: "w",
    label: { key: "routingWeights" },
    path: `${plan.path}.weights`,
    index,
  };
  return { expression: "w.sum()", operands: [operand] };
}
