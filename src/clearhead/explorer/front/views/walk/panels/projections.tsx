/** Query, key and value of every token, and one score as a product, component by component. */

import type { JSX } from "preact";
import { setState, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { ScoreInMotion } from "../flow/score";
import { Arrows } from "../meaning/arrows";
import type { PanelSpec } from "../panel";
import { Loaded, type Needs } from "../parts/loaded";
import { Product } from "../parts/product";
import { rangeOf, Truncation } from "../parts/windows";
import { has, headRows, notation, notations, one, type Plan, projection } from "../plan";
import { Rows } from "../vectors/rows";
import { Strip } from "../vectors/strips";
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
  const { names, rotated, normed, grouped } = words.panels.vectors;
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
      {rotates(plan) && <p class="walk-note">{rotated}</p>}
      {has(`${plan.path}.query_norm.output`) && <p class="walk-note">{normed}</p>}
      {has(`${plan.path}.query_projected`) && <HeadSteps plan={plan} panel={`${panel}-before`} />}
      {plan.kvHeads < plan.heads && <p class="walk-note">{grouped(plan.heads / plan.kvHeads)}</p>}
      <Truncation plan={plan} side="query" />
      <Truncation plan={plan} side="key" />
    </>
  );
}

function rotates(plan: Plan): boolean {
  return plan.config.positions === "rotary" && has(`${plan.path}.query_projected`);
}

/** The chosen query and key on their way: projected, normalised in their heads, and rotated. */
function HeadSteps({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const { names } = words.panels.vectors;
  const way = (name: "query" | "key", head: number, at: number): HeadStep[] =>
    [
      { path: `${plan.path}.${name}_projected`, label: words.projected },
      { path: `${plan.path}.${name}_norm.normalized`, label: words.normalized },
      { path: `${plan.path}.${name}_norm.output`, label: words.scaledByNorm },
      { path: `${plan.path}.${name}`, label: words.compared },
    ]
      .filter(({ path }) => has(path))
      .map(({ path, label }) => ({ path, label: `${names[name]}: ${label}`, head, at }));
  const steps = [...way("query", plan.head, plan.query), ...way("key", plan.kvHead, plan.key)];
  const width: [number, number] = [0, plan.headDim];
  const needs: Needs = Object.fromEntries(
    steps.map(({ path, head, at }) => [path, [path, headRows(head, one(at), width)]]),
  );
  return (
    <details class="walk-more">
      <summary>{words.panels.vectors.before}</summary>
      <Loaded key={steps.map(({ path }) => path).join()} panel={panel} needs={needs}>
        {(slices) => (
          <div class="walk-strips">
            {steps.map(({ path, label }) => {
              const slice = slices[path]!;
              const [, head, position] = slice.array.window.map(([start]) => start);
              return (
                <Strip
                  key={path}
                  slice={slice}
                  label={label}
                  width={plan.headDim}
                  index={(c) => [0, head ?? 0, position ?? 0, c]}
                />
              );
            })}
          </div>
        )}
      </Loaded>
    </details>
  );
}

interface HeadStep {
  path: string;
  label: string;
  head: number;
  at: number;
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
      {({ query, key, score }) => {
        const slices = { plan, query, keys: key, score };
        return state.panels.value === "one" ? (
          <>
            <ScoreInMotion {...slices} />
            <Arrows {...slices} />
          </>
        ) : (
          <Product {...slices} />
        );
      }}
    </Loaded>
  );
}
