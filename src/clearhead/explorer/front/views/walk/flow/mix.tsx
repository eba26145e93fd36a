/** The output of a head in motion: each key's weighted value is added to the sum so far. */

import type { JSX } from "preact";
import { wordsOf } from "../../../core/text/i18n";
import { said } from "../parts/key_table";
import { Slice } from "../parts/loaded";
import type { Plan } from "../plan";
import { quoted } from "../plan";
import { Caption } from "./caption";
import { moment, useMotion } from "./motion";
import { table } from "./words";

/** How long one key is looked at. */
const [ROW, LEAST, MOST] = [8000, 300, 1200];

interface MixProps {
  plan: Plan;
  weights: Slice;
  parts: Slice;
  output: Slice;
  children: (shown: { ahead: number; sum: Slice; keys: [number, number] | null }) => JSX.Element;
}

/** Calls its child with the keys that have been added, and their sum: the head's output when all
 * have been, a sum of some of its summands before. */
export function MixInMotion({ plan, weights, parts, output, children }: MixProps): JSX.Element {
  const words = wordsOf(table);
  const [start, stop] = parts.array.window[3]!;
  const count = stop - start;
  const others = plan.keys.length - count;
  useMotion({
    count,
    milliseconds: Math.max(LEAST, Math.min(MOST, ROW / count)),
    caption: (at) => {
      if (at === 0) return words.mix.first;
      if (at === count) return others ? words.mix.lastOf(others) : words.mix.last(count);
      const key = start + at - 1;
      const weight = weights.at(0, plan.head, plan.query, key);
      return words.mix.one(said(weight), quoted(plan.keys[key]));
    },
  });
  const at = moment.value;
  const whole = at >= count;
  return (
    <>
      <Caption />
      {children({
        ahead: at,
        sum: whole ? output : partialSum(plan, parts, start, at),
        keys: whole ? null : [start, start + at - 1],
      })}
    </>
  );
}

/** Contributions of the first keys of a window, added up; shaped as the head's output. */
export function partialSum(plan: Plan, parts: Slice, start: number, count: number): Slice {
  const { head, query, headDim } = plan;
  const data = new Float64Array(headDim);
  for (let key = start; key < start + count; key += 1)
    for (let c = 0; c < headDim; c += 1) data[c]! += parts.at(0, head, query, key, c);
  return new Slice({
    data,
    shape: [1, 1, 1, headDim],
    dtype: "float64",
    path: `${plan.path}.output`,
    window: [
      [0, 1],
      [head, head + 1],
      [query, query + 1],
      [0, headDim],
    ],
    whole: [1, plan.heads, plan.queries.length, headDim],
  });
}
