/** Query, key and value of every token, and one score as a product, component by component. */

import type { JSX } from "preact";
import { setState } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import type { PanelSpec } from "../panel";
import { Loaded } from "../parts/loaded";
import { Product } from "../parts/product";
import { rangeOf, Truncation } from "../parts/windows";
import { has, headRows, notation, notations, one, type Plan, projection } from "../plan";
import { Rows } from "../vectors/rows";
import { table, type Words } from "../words";

export function projections(plan: Plan, words: Words): PanelSpec[] {
  const { vectors, score } = words.panels;
  const cross = plan.part === "cross";
  return [
    {
      id: "vectors",
      title: vectors.title,
      sentence: cross ? vectors.cross : vectors.self,
      formula: notations(projection(plan, "query"), projection(plan, "key"), `${plan.path}.value`),
      body: VectorsBody,
    },
    {
      id: "score",
      title: score.title,
      sentence: score.sentence,
      formula: notation(`${plan.path}.scores`),
      body: ScoreBody,
    },
  ];
}

function VectorsBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const { names, rotated, grouped } = words.panels.vectors;
  const [queries, keys] = [rangeOf(plan, "query"), rangeOf(plan, "key")];
  const width: [number, number] = [0, plan.headDim];
  const keyRows = {
    tokens: plan.keys,
    selected: plan.key,
    width: plan.headDim,
    pick: (key: number): void => setState({ key }),
  };
  return (
    <>
      <Loaded
        panel={panel}
        needs={{
          query: [`${plan.path}.query`, headRows(plan.head, queries, width)],
          key: [`${plan.path}.key`, headRows(plan.kvHead, keys, width)],
          value: [`${plan.path}.value`, headRows(plan.kvHead, keys, width)],
        }}
      >
        {({ query, key, value }) => (
          <div class="walk-three">
            <Rows
              label={names.query}
              slice={query}
              tokens={plan.queries}
              selected={plan.query}
              width={plan.headDim}
              pick={(at) => setState({ query: at })}
            />
            <Rows {...keyRows} label={names.key} slice={key} />
            <Rows {...keyRows} label={names.value} slice={value} />
          </div>
        )}
      </Loaded>
      {has(`${plan.path}.query_projected`) && <p class="walk-note">{rotated}</p>}
      {plan.kvHeads < plan.heads && <p class="walk-note">{grouped(plan.heads / plan.kvHeads)}</p>}
      <Truncation plan={plan} side="query" />
      <Truncation plan={plan} side="key" />
    </>
  );
}

function ScoreBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const width: [number, number] = [0, plan.headDim];
  return (
    <Loaded
      panel={panel}
      needs={{
        query: [`${plan.path}.query`, headRows(plan.head, one(plan.query), width)],
        key: [`${plan.path}.key`, headRows(plan.kvHead, one(plan.key), width)],
        score: [`${plan.path}.scores`, headRows(plan.head, one(plan.query), one(plan.key))],
      }}
    >
      {({ query, key, score }) => <Product plan={plan} query={query} keys={key} score={score} />}
    </Loaded>
  );
}
