/** Bars that pass through a few states, all of them at once. */

import type { JSX } from "preact";
import { setState } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { indices, rangeOf } from "../parts/windows";
import type { Plan } from "../plan";
import { Bars } from "./bars";
import { Caption } from "./caption";
import { moment, useMotion } from "./motion";
import { table } from "./words";

/** How long a state is looked at: long enough to read its sentence. */
const MILLISECONDS = 1800;

export interface Stage {
  caption: string;
  kind: "score" | "weight";
  max: number;
  value: (key: number) => number;
  number: (key: number) => JSX.Element;
  below?: JSX.Element;
}

export function Staged({ plan, stages }: { plan: Plan; stages: Stage[] }): JSX.Element | null {
  useMotion({
    count: stages.length - 1,
    milliseconds: MILLISECONDS,
    caption: (at) => stages[at]?.caption ?? "",
  });
  const stage = stages[moment.value];
  if (!stage) return null;
  return (
    <>
      <Caption />
      <Bars
        label={wordsOf(table).bars}
        kind={stage.kind}
        max={stage.max}
        rows={indices(rangeOf(plan, "key")).map((key) => ({
          label: plan.keys[key]?.piece ?? "",
          value: stage.value(key),
          number: stage.number(key),
          chosen: key === plan.key,
          pick: () => setState({ key }),
          when: "done",
        }))}
      >
        {stage.below}
      </Bars>
    </>
  );
}
