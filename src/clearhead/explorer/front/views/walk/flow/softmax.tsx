/** The softmax of one query: scores become positive by exp, and weights by their sum. */

import type { JSX } from "preact";
import { wordsOf } from "../../../core/text/i18n";
import { scoreMax } from "../../../draw/colours";
import { Derived, expOf, expSumOf, shiftedOf, weightSumOf } from "../parts/derived";
import { fixed, said } from "../parts/key_table";
import { Loaded, type Slice } from "../parts/loaded";
import { Cell, rowNeed } from "../parts/score_pair";
import { type Plan, quoted } from "../plan";
import { table as walkTable } from "../words";
import { Stack } from "./bars";
import { type Stage, Staged } from "./staged";
import { table } from "./words";

export function SoftmaxFlow({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  return (
    <Loaded
      panel={`${panel}-flow`}
      needs={{ masked: rowNeed(plan, "masked"), weights: rowNeed(plan, "weights") }}
    >
      {({ masked, weights }) => <Staged plan={plan} stages={stagesOf(plan, masked, weights)} />}
    </Loaded>
  );
}

function stagesOf(plan: Plan, masked: Slice, weights: Slice): Stage[] {
  const words = wordsOf(table);
  const { score, weight, sum, exp } = wordsOf(walkTable);
  const row = Array.from(masked.values);
  const all = Array.from(weights.values);
  const largest = Math.max(...row);
  const shifted = row.map((value) => value - largest);
  // A query that may attend to nothing has weights of 0, as in the reference.
  const exps = shifted.map((value) => (value > -Infinity ? Math.exp(value) : 0));
  const total = exps.reduce((before, value) => before + value, 0);
  const at = [0, plan.head, plan.query];
  const derived = (
    name: string,
    key: number,
    value: number,
    derivation: ReturnType<typeof expOf>,
  ): JSX.Element => (
    <Derived
      name={name}
      plan={plan}
      index={[...at, key]}
      value={value}
      digits={fixed(value, name === "exp" ? 4 : 3)}
      derivation={derivation}
      label={`${name === "exp" ? exp : words.softmax.minusLargest}, ${quoted(plan.keys[key])}`}
    />
  );
  const sumOf = (name: "exp_sum" | "weight_sum", value: number): JSX.Element => (
    <Stack
      label={sum}
      shares={exps}
      number={
        <Derived
          name={name}
          plan={plan}
          index={at}
          value={value}
          digits={fixed(value, 4)}
          derivation={name === "exp_sum" ? expSumOf(plan) : weightSumOf(plan)}
          label={`${sum}, ${name === "exp_sum" ? exp : weight}`}
        />
      }
    />
  );
  const expStage = {
    kind: "weight" as const,
    max: 1,
    value: (key: number) => exps[key] ?? 0,
    number: (key: number) => derived("exp", key, exps[key] ?? 0, expOf(plan, key)),
  };
  return [
    {
      caption: words.softmax.scores,
      kind: "score",
      max: scoreMax(row),
      value: (key) => row[key] ?? 0,
      number: (key) => <Cell slice={masked} plan={plan} at={key} label={score} />,
    },
    {
      caption: words.softmax.shifted(said(largest)),
      kind: "score",
      max: scoreMax(shifted),
      value: (key) => shifted[key] ?? 0,
      number: (key) => derived("shifted", key, shifted[key] ?? 0, shiftedOf(plan, key)),
    },
    { ...expStage, caption: words.softmax.exp },
    { ...expStage, caption: words.softmax.sum(said(total)), below: sumOf("exp_sum", total) },
    {
      caption: words.softmax.divided(said(total)),
      kind: "weight",
      max: 1,
      value: (key) => all[key] ?? 0,
      number: (key) => <Cell slice={weights} plan={plan} at={key} label={weight} decimals={4} />,
      below: sumOf(
        "weight_sum",
        all.reduce((before, value) => before + value, 0),
      ),
    },
  ];
}
