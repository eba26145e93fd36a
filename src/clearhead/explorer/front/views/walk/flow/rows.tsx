/** From a query's raw scores to scaled and masked ones: bars that appear, shrink, and are hatched. */

import type { JSX } from "preact";
import { setState, stepAt } from "../../../core/state/state";
import { shortNumber } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { scoreMax } from "../../../draw/colours";
import { said } from "../parts/key_table";
import { Loaded, type Needs, type Slice } from "../parts/loaded";
import { Cell, place, rowNeed } from "../parts/score_pair";
import { indices, rangeOf } from "../parts/windows";
import { has, type Plan, quoted } from "../plan";
import { table as walkTable } from "../words";
import { Bars } from "./bars";
import { Caption } from "./caption";
import { moment, useMotion } from "./motion";
import { Staged } from "./staged";
import { table } from "./words";

interface FlowProps {
  plan: Plan;
  panel: string;
}

/** The score of each key in turn. */
export function ScoresFlow({ plan, panel }: FlowProps): JSX.Element {
  return (
    <Loaded panel={`${panel}-flow`} needs={{ raw: rowNeed(plan, "scores") }}>
      {({ raw }) => <Appearing plan={plan} raw={raw} />}
    </Loaded>
  );
}

/** Seconds that a whole row takes, and the least and the most for one of its keys. */
const [ROW, LEAST, MOST] = [6000, 200, 700];

function Appearing({ plan, raw }: { plan: Plan; raw: Slice }): JSX.Element {
  const words = wordsOf(table);
  const keys = indices(rangeOf(plan, "key"));
  const of = (key: number): number => raw.at(...place(raw, plan, plan.query, key));
  const count = keys.length;
  useMotion({
    count,
    milliseconds: Math.max(LEAST, Math.min(MOST, ROW / count)),
    caption: (at) => {
      const key = keys[at - 1];
      if (key === undefined) return words.scores.first(quoted(plan.queries[plan.query]));
      if (at === count) return words.scores.last(count, quoted(plan.queries[plan.query]));
      return words.scores.one(quoted(plan.keys[key]), said(of(key)));
    },
  });
  const at = moment.value;
  return (
    <>
      <Caption />
      <Bars
        label={words.bars}
        kind="score"
        max={scoreMax(raw.values)}
        rows={keys.map((key, order) => ({
          label: plan.keys[key]?.piece ?? "",
          value: of(key),
          number: <Cell slice={raw} plan={plan} at={key} label={wordsOf(walkTable).score} />,
          chosen: key === plan.key,
          pick: () => setState({ key }),
          when: order >= at ? "before" : order === at - 1 && at < count ? "now" : "done",
        }))}
      />
    </>
  );
}

/** What a step does to all scores of the row at once: each state is a step of the trace. */
function between(
  plan: Plan,
  panel: string,
  names: string[],
  captions: (words: (typeof table)["en"]) => string[],
): JSX.Element {
  const present = names.filter((name) => has(`${plan.path}.${name}`));
  const needs: Needs = Object.fromEntries(present.map((name) => [name, rowNeed(plan, name)]));
  return (
    <Loaded key={present.join()} panel={`${panel}-flow`} needs={needs}>
      {(slices) => {
        const first = slices[present[0] ?? ""];
        const all = captions(wordsOf(table));
        return (
          <Staged
            plan={plan}
            stages={present.map((name) => {
              const slice = slices[name]!;
              return {
                caption: all[names.indexOf(name)] ?? "",
                kind: "score",
                max: first ? scoreMax(first.values) : 0,
                value: (key) => slice.at(...place(slice, plan, plan.query, key)),
                number: (key) => (
                  <Cell slice={slice} plan={plan} at={key} label={wordsOf(walkTable).score} />
                ),
              };
            })}
          />
        );
      }}
    </Loaded>
  );
}

export function ScaledFlow({ plan, panel }: FlowProps): JSX.Element {
  const how = stepAt(`${plan.path}.scaled`)?.notation.includes("√") ?? false;
  const root = shortNumber(Math.sqrt(plan.headDim));
  return between(plan, panel, ["scores", "scaled"], (words) => [
    words.scaled.before,
    how ? words.scaled.divided(plan.headDim, root) : words.scaled.multiplied,
  ]);
}

export function MaskedFlow({ plan, panel }: FlowProps): JSX.Element {
  const biased = has(`${plan.path}.bias`);
  return between(plan, panel, ["scaled", "capped", "masked"], (words) => [
    words.masked.before,
    words.masked.capped,
    biased ? words.masked.biased : words.masked.after,
  ]);
}
