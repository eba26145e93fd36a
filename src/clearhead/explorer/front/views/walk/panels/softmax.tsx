/** The softmax of one query's scores, term by term. */

import type { JSX } from "preact";
import { wordsOf } from "../../../core/text/i18n";
import { Derived, expOf, expSumOf, largestOf, weightSumOf } from "../parts/derived";
import { fixed, KeyTable, WeightBar } from "../parts/key_table";
import { Loaded, type Slice } from "../parts/loaded";
import { Cell, Pair, rowNeed } from "../parts/score_pair";
import { rangeOf } from "../parts/windows";
import { type Plan, quoted } from "../plan";
import { table } from "../words";

export function SoftmaxBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const row = (
    <Loaded
      panel={panel}
      needs={{ masked: rowNeed(plan, "masked"), weights: rowNeed(plan, "weights") }}
    >
      {({ masked, weights }) => <Softmax plan={plan} masked={masked} weights={weights} />}
    </Loaded>
  );
  return <Pair plan={plan} panel={panel} name="weights" kind="weight" row={row} />;
}

function Softmax({
  plan,
  masked,
  weights,
}: {
  plan: Plan;
  masked: Slice;
  weights: Slice;
}): JSX.Element {
  const words = wordsOf(table);
  const row = Array.from(masked.values);
  const largest = Math.max(...row);
  // A query that may attend to nothing has weights of 0, as in the reference.
  const exps = row.map((value) => (value === -Infinity ? 0 : Math.exp(value - largest)));
  const sum = exps.reduce((total, value) => total + value, 0);
  const all = Array.from(weights.values);
  const at = [0, plan.head, plan.query];
  const [start, stop] = rangeOf(plan, "key");
  const outsideSum = all.reduce(
    (total, value, key) => (key < start || key >= stop ? total + value : total),
    0,
  );
  return (
    <>
      <KeyTable
        plan={plan}
        label={words.panels.softmax.title}
        total={words.sum}
        columns={[
          {
            title: words.panels.masked.title,
            cell: (key) => (
              <Cell slice={masked} plan={plan} at={key} label={words.panels.masked.title} />
            ),
          },
          {
            title: "exp(m − max)",
            cell: (key) => (
              <Derived
                name="exp"
                plan={plan}
                index={[...at, key]}
                value={exps[key] ?? 0}
                digits={fixed(exps[key] ?? 0, 4)}
                derivation={expOf(plan, key)}
                label={`exp, ${quoted(plan.keys[key])}`}
              />
            ),
            total: (
              <Derived
                name="exp_sum"
                plan={plan}
                index={at}
                value={sum}
                digits={fixed(sum, 4)}
                derivation={expSumOf(plan)}
                label={`${words.sum}, exp`}
              />
            ),
          },
          { title: "", cell: (key) => <WeightBar value={all[key] ?? 0} /> },
          {
            title: `÷ ${words.sum} = ${words.weight}`,
            cell: (key) => (
              <Cell slice={weights} plan={plan} at={key} label={words.weight} decimals={4} />
            ),
            total: (
              <Derived
                name="weight_sum"
                plan={plan}
                index={at}
                value={total(all)}
                digits={5}
                derivation={weightSumOf(plan)}
                label={`${words.sum}, ${words.weight}`}
              />
            ),
          },
        ]}
      />
      <p class="walk-note">
        {words.largest}{" "}
        <Derived
          name="max"
          plan={plan}
          index={at}
          value={largest}
          derivation={largestOf(plan)}
          label={words.largest}
        />
      </p>
      {stop - start < all.length && (
        <p class="walk-note">
          {words.elsewhere(all.length - (stop - start), outsideSum.toPrecision(3))}
        </p>
      )}
    </>
  );
}

function total(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
