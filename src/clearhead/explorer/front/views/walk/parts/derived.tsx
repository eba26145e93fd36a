/** Numbers between two steps of the trace: products, running sums, exponentials. Each says how it
 * follows from the steps, as every other number does. */

import type { JSX } from "preact";
import type { Derivation, Operand } from "../../../core/protocol";
import { Num } from "../../../where_from/number";
import type { Plan } from "../plan";
import { table } from "../words";

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

function label(of: (words: (typeof table)["en"]) => string): { en: string; pt: string } {
  return { en: of(table.en), pt: of(table.pt) };
}

function queryOf(plan: Plan): Operand {
  const index = [0, plan.head, plan.query, ":" as const];
  return { symbol: "q", label: label((words) => words.query), path: `${plan.path}.query`, index };
}

function keyOf(plan: Plan): Operand {
  const index = [0, plan.kvHead, plan.key, ":" as const];
  return { symbol: "k", label: label((words) => words.key), path: `${plan.path}.key`, index };
}

function scalar(symbol: string, value: number, name: string): Operand {
  return { symbol, label: { en: name, pt: name }, scalar: value };
}

/** One product of a score. */
export function productOf(plan: Plan, component: number): Derivation {
  return {
    expression: "q[c] * k[c]",
    operands: [queryOf(plan), keyOf(plan), scalar("c", component, "c")],
  };
}

/** The products up to a component, added up. */
export function runningSum(plan: Plan, component: number): Derivation {
  return {
    expression: "(q[:c + 1] * k[:c + 1]).sum()",
    operands: [queryOf(plan), keyOf(plan), scalar("c", component, "c")],
  };
}

function maskedRow(plan: Plan): Operand {
  const index = [0, plan.head, plan.query, ":" as const];
  return { symbol: "m", label: label((words) => words.masked), path: `${plan.path}.masked`, index };
}

export function largestOf(plan: Plan): Derivation {
  return { expression: "m.max()", operands: [maskedRow(plan)] };
}

export function expOf(plan: Plan, key: number): Derivation {
  return {
    expression: "np.exp(m[j] - m.max())",
    operands: [maskedRow(plan), scalar("j", key, "j")],
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
    label: label((words) => words.weight),
    path: `${plan.path}.weights`,
    index,
  };
  return { expression: "w.sum()", operands: [operand] };
}
