/** Values weighted and added up: what each key contributes to the head's output. */

import type { JSX } from "preact";
import { setState, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { scoreMax } from "../../../draw/colours";
import { Num } from "../../../where_from/number";
import { MixInMotion } from "../flow/mix";
import { partOfOutput } from "../parts/derived";
import { fixed } from "../parts/key_table";
import { Loaded, type Slice } from "../parts/loaded";
import { rangeOf, Truncation } from "../parts/windows";
import { headRows, one, type Plan } from "../plan";
import { Rows } from "../vectors/rows";
import { Strip } from "../vectors/strips";
import { table } from "../words";

export function ContributionsBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const keys = rangeOf(plan, "key");
  const width: [number, number] = [0, plan.headDim];
  const { path, head, kvHead, query } = plan;
  return (
    <>
      <Loaded
        panel={panel}
        needs={{
          weights: [`${path}.weights`, headRows(head, one(query), keys)],
          value: [`${path}.value`, headRows(kvHead, keys, width)],
          parts: [`${path}.contributions`, [[0, 1], one(head), one(query), keys, width]],
          output: [`${path}.output`, headRows(head, one(query), width)],
        }}
      >
        {(slices) =>
          state.panels.value === "one" ? (
            <MixInMotion plan={plan} {...slices}>
              {({ ahead, sum, keys }) => (
                <ContributionRows plan={plan} {...slices} output={sum} ahead={ahead} keys={keys} />
              )}
            </MixInMotion>
          ) : (
            <ContributionRows plan={plan} {...slices} />
          )
        }
      </Loaded>
      <Truncation plan={plan} side="key" />
    </>
  );
}

interface ContributionSlices {
  weights: Slice;
  value: Slice;
  parts: Slice;
  output: Slice;
}

/** The values of all keys beside weight times value, and the sum of the products below them. */
function ContributionRows(
  props: ContributionSlices & {
    plan: Plan;
    /** The first key that has not been added. */
    ahead?: number;
    /** The first and the last key of the sum; null for all of them. */
    keys?: [number, number] | null;
  },
): JSX.Element {
  const { plan, weights, value, parts, output, ahead, keys = null } = props;
  const words = wordsOf(table);
  const { head, query } = plan;
  const common = {
    tokens: plan.keys,
    selected: plan.key,
    width: plan.headDim,
    pick: (key: number): void => setState({ key }),
    max: scoreMax(value.values),
  };
  const weightOf = (key: number): JSX.Element => {
    const weight = weights.at(0, head, query, key);
    return (
      <Num
        path={weights.path}
        index={[0, head, query, key]}
        value={weight}
        digits={fixed(weight, 3)}
        label={words.weight}
      />
    );
  };
  return (
    <div class="walk-two">
      <Rows {...common} label={words.panels.vectors.names.value} slice={value} />
      <div class="walk-summed">
        <Rows
          {...common}
          label={words.weightTimesValue}
          slice={parts}
          extra={weightOf}
          ahead={ahead}
        />
        <Strip
          slice={output}
          label={keys ? words.running : words.sumIsOutput(head)}
          derivation={keys ? (c) => partOfOutput(plan, keys, c) : undefined}
          width={plan.headDim}
          max={common.max}
          index={(c) => [0, head, query, c]}
        />
      </div>
    </div>
  );
}
