/** A norm, step by step, at one position. */

import type { JSX } from "preact";
import { wordsOf } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import { Loaded, type Needs } from "../parts/loaded";
import { has, type Plan, rowOf } from "../plan";
import { Strips } from "../vectors/strips";
import { table } from "../words";

export function normFormula(norm: unknown): string {
  return norm === "rms" ? "y = x / √(mean(x^2) + ε) · γ" : "y = (x − μ) / √(σ^2 + ε) · γ + β";
}

/** Every step of a norm at one position. */
export function NormSteps({
  plan,
  panel,
  path,
  at,
}: {
  plan: Plan;
  panel: string;
  path: string;
  at: number;
}): JSX.Element {
  const words = wordsOf(table);
  const moments: [string, string][] = [
    ["mean", words.mean],
    ["variance", words.variance],
    ["mean_square", words.meanSquare],
  ];
  const present = moments.filter(([name]) => has(`${path}.${name}`));
  const needs: Needs = Object.fromEntries(
    present.map(([name]) => [name, [`${path}.${name}`, rowOf(at, 1)]]),
  );
  return (
    <>
      <Loaded key={path} panel={`${panel}-moments`} needs={needs}>
        {(slices) => (
          <dl class="walk-moments">
            {present.map(([name, label]) => {
              const slice = slices[name]!;
              const index = [0, slice.array.window[1]?.[0] ?? at, 0];
              return (
                <div key={name}>
                  <dt>{label}</dt>
                  <dd>
                    <Num path={slice.path} index={index} value={slice.at(...index)} label={label} />
                  </dd>
                </div>
              );
            })}
          </dl>
        )}
      </Loaded>
      <Strips
        plan={plan}
        panel={panel}
        at={at}
        steps={[
          { path: `${path}.normalized`, label: words.normalized },
          { path: `${path}.output`, label: words.outputVector },
        ]}
      />
    </>
  );
}
