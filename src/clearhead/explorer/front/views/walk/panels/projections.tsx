/** Query, key and value of every token, and one score as a product, component by component. */

import type { JSX } from "preact";
import { setState } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import type { PanelSpec } from "../panel";
import { Loaded } from "../parts/loaded";
import { Product } from "../parts/product";
import { rangeOf, Truncation } from "../parts/windows";
import { has, headRows, one, type Plan } from "../plan";
import { Rows } from "../vectors/rows";
import { table, type Words } from "../words";

export function projections(plan: Plan, words: Words): PanelSpec[] {
  const { vectors, score } = words.panels;
  const cross = plan.part === "cross";
  const read = cross ? "m_j" : "x_j";
  return [
    {
      id: "vectors",
      title: vectors.title,
      sentence: cross ? vectors.cross : vectors.self,
      formula: `q_i = x_i W_Q + b_Q,  k_j = ${read} W_K + b_K,  v_j = ${read} W_V + b_V`,
      body: VectorsBody,
    },
    {
      id: "score",
      title: score.title,
      sentence: score.sentence,
      formula: "s_{ij} = q_i · k_j = Σ_c q_{ic} k_{jc}",
      body: ScoreBody,
    },
  ];
}

function VectorsBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const { names, rotated, grouped } = words.panels.vectors;
  const [queries, keys] = [rangeOf(plan, "query"), rangeOf(plan, "key")];
  const width: [number, number] = [0, plan.headDim];
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
            <Rows
              label={names.key}
              slice={key}
              tokens={plan.keys}
              selected={plan.key}
              width={plan.headDim}
              pick={(at) => setState({ key: at })}
            />
            <Rows
              label={names.value}
              slice={value}
              tokens={plan.keys}
              selected={plan.key}
              width={plan.headDim}
              pick={(at) => setState({ key: at })}
            />
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
