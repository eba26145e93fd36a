/** The scores or weights of one query as a table, and beside it the matrix of all queries. */

import type { ComponentChildren, JSX } from "preact";
import { setState, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { scoreMax } from "../../../draw/colours";
import { Matrix } from "../../../draw/matrix/matrix";
import { ScoreLegend, WeightLegend } from "../../../draw/scene/legends";
import { Num } from "../../../where_from/number";
import { headRows, one, type Plan, quoted } from "../plan";
import { table } from "../words";
import { fixed } from "./key_table";
import { Loaded, type Needs, type Slice } from "./loaded";
import { rangeOf, Truncation } from "./windows";

/** Up to so many keys, the matrix has room beside the row. */
const BESIDE = 14;

/** A row of a step of the attention, all keys of it. */
export function rowNeed(plan: Plan, name: string, heads = plan.head): Needs[string] {
  const shape = plan.run.steps.find(({ path }) => path === `${plan.path}.${name}`)?.shape ?? [];
  if (shape.length === 3)
    return [`${plan.path}.${name}`, [one(heads), one(plan.query), [0, plan.keys.length]]];
  return [`${plan.path}.${name}`, headRows(heads, one(plan.query), [0, plan.keys.length])];
}

/** The index of a score; a bias may come without a batch. */
export function place(slice: Slice, plan: Plan, query: number, key: number): number[] {
  return slice.array.whole.length === 3 ? [plan.head, query, key] : [0, plan.head, query, key];
}

export function Cell({
  slice,
  plan,
  at,
  label,
  decimals = 3,
}: {
  slice: Slice;
  plan: Plan;
  at: number;
  label: string;
  decimals?: number;
}): JSX.Element {
  const index = place(slice, plan, plan.query, at);
  const value = slice.at(...index);
  return (
    <Num
      path={slice.path}
      index={index}
      value={value}
      digits={fixed(value, decimals)}
      label={`${label}, ${quoted(plan.keys[at])}`}
    />
  );
}

/** The table of the query's row on the left, the matrix of all queries on the right. */
export function Pair({
  plan,
  panel,
  name,
  kind,
  children,
  row,
}: {
  plan: Plan;
  panel: string;
  name: string;
  kind: "score" | "weight";
  row: JSX.Element;
  children?: ComponentChildren;
}): JSX.Element {
  const words = wordsOf(table);
  const [queries, keys] = [rangeOf(plan, "query"), rangeOf(plan, "key")];
  return (
    <>
      {children}
      <div class={keys[1] - keys[0] > BESIDE ? "walk-pair stacked" : "walk-pair"}>
        {state.panels.value === "all" && (
          <div>
            <h3>{words.thisRow(quoted(plan.queries[plan.query]))}</h3>
            {row}
          </div>
        )}
        <div>
          <h3>{words.all}</h3>
          <Loaded
            panel={`${panel}-all`}
            needs={{
              masked: [`${plan.path}.masked`, headRows(plan.head, queries, keys)],
              all: [`${plan.path}.${name}`, headRows(plan.head, queries, keys)],
            }}
          >
            {({ all, masked }) => (
              <All
                plan={plan}
                slice={all}
                kind={kind}
                title={words.panels[panel as "scores"].title}
                {...(kind === "weight" && { masked })}
              />
            )}
          </Loaded>
        </div>
      </div>
      <Truncation plan={plan} side="query" />
      <Truncation plan={plan} side="key" />
    </>
  );
}

/** The matrix. Weights of 0 where nothing may be attended to are hatched as their scores are. */
function All({
  plan,
  slice,
  kind,
  title,
  masked,
}: {
  plan: Plan;
  slice: Slice;
  kind: "score" | "weight";
  title: string;
  masked?: Slice;
}): JSX.Element {
  const window = { rows: slice.array.window[2]!, columns: slice.array.window[3]! };
  const head = slice.array.window[1]![0];
  const max = scoreMax(slice.values);
  const words = wordsOf(table);
  return (
    <Matrix
      label={title}
      kind={kind}
      rows={plan.queries.map(({ piece }) => piece)}
      columns={plan.keys.map(({ piece }) => piece)}
      values={slice.values}
      window={window}
      max={max}
      {...(masked && {
        masked: (row: number, column: number) => masked.at(0, head, row, column) === -Infinity,
      })}
      selected={{ row: plan.query, column: plan.key }}
      onCell={(query, key) => setState({ query, key })}
      from={{ path: slice.path, index: (row, column) => [0, head, row, column] }}
      describe={(row, column, _value, masked) =>
        words.cell(
          quoted(plan.queries[row]),
          quoted(plan.keys[column]),
          masked ? words.maskedCell : "",
        )
      }
    >
      {kind === "weight" ? <WeightLegend /> : <ScoreLegend max={max} />}
    </Matrix>
  );
}
