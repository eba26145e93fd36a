/** Query, key and value of every token, and one score as a product, component by component. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { words } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import type { Token } from "../../../core/protocol";
import { setState } from "../../../core/state/state";
import { scoreMax } from "../../../draw/colours";
import { Derived, productOf, runningSum } from "../parts/derived";
import { fixed } from "../parts/key_table";
import { Loaded, type Slice } from "../parts/loaded";
import type { PanelSpec } from "../panel";
import { has, headRows, one, quoted, type Plan } from "../plan";
import { Roving } from "../parts/roving";
import { Vectors } from "../parts/vectors";
import { indices, rangeOf, Truncation } from "../parts/windows";
import { table, type Words } from "../words";

export function projections(plan: Plan, t: Words): PanelSpec[] {
  const { vectors, score } = t.panels;
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
  const t = words(table);
  const { names, rotated, grouped } = t.panels.vectors;
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
              chosen={plan.query}
              width={plan.headDim}
              pick={(at) => setState({ query: at })}
            />
            <Rows
              label={names.key}
              slice={key}
              tokens={plan.keys}
              chosen={plan.key}
              width={plan.headDim}
              pick={(at) => setState({ key: at })}
            />
            <Rows
              label={names.value}
              slice={value}
              tokens={plan.keys}
              chosen={plan.key}
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

interface RowsProps {
  label: string;
  slice: Slice;
  tokens: Token[];
  chosen: number;
  width: number;
  pick: (at: number) => void;
}

/** Tokens' vectors of one head below one another. */
export function Rows({
  label,
  slice,
  tokens,
  chosen,
  width,
  pick,
  max,
  extra,
}: RowsProps & {
  max?: number;
  extra?: (at: number) => JSX.Element;
}): JSX.Element {
  const [head, first, stop] = [slice.array.window[1]![0], ...slice.array.window.at(-2)!];
  const tail = slice.array.window.length - 4;
  const before = slice.array.window.slice(2, 2 + tail).map(([start]) => start);
  return (
    <Vectors
      label={label}
      from={slice}
      columns={width}
      index={(row, column) => [0, head, ...before, first + row, column]}
      rows={indices([first, stop]).map((at) => ({
        label: tokens[at]?.piece ?? "",
        chosen: at === chosen,
        ...(extra && { extra: extra(at) }),
      }))}
      onRow={(row) => pick(first + row)}
      max={max ?? scoreMax(slice.values)}
    />
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

/** Pixels that a number such as −4.9e−4 needs, and its distance from the next. */
const COLUMN = 62;

/** So many components stand side by side, by the room there is. */
function useColumns(): [(element: HTMLElement | null) => void, number] {
  const [columns, setColumns] = useState(8);
  const element = useRef<HTMLElement | null>(null);
  useLayoutEffect(() => {
    if (!element.current) return;
    const measure = (): void => {
      const room = (element.current?.clientWidth ?? 0) - 84;
      setColumns(room >= 16 * COLUMN ? 16 : room >= 8 * COLUMN ? 8 : 4);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [(found) => void (element.current = found), columns];
}

interface ProductProps {
  plan: Plan;
  query: Slice;
  keys: Slice;
  score: Slice;
}

function Product({ plan, query, keys, score }: ProductProps): JSX.Element {
  const t = words(table);
  const [holder, columns] = useColumns();
  const blocks = Array.from({ length: Math.ceil(plan.headDim / columns) }, (_, at) => at * columns);
  const sums: number[] = [];
  for (let c = 0; c < plan.headDim; c += 1)
    sums.push(
      (sums[c - 1] ?? 0) +
        query.at(0, plan.head, plan.query, c) * keys.at(0, plan.kvHead, plan.key, c),
    );
  const result = score.at(0, plan.head, plan.query, plan.key);
  const of = t.panels.score.of(quoted(plan.queries[plan.query]), quoted(plan.keys[plan.key]));
  return (
    <div ref={holder} class="walk-product">
      <p class="walk-note">{of}</p>
      <Roving label={`${t.panels.score.title}: ${of}`} class="walk-table">
        {blocks.map((start) => (
          <Block
            key={start}
            plan={plan}
            start={start}
            columns={columns}
            query={query}
            keys={keys}
            sums={sums}
          />
        ))}
        <p class="walk-total">
          <span>{t.sum}</span>
          <Num
            path={score.path}
            index={[0, plan.head, plan.query, plan.key]}
            value={result}
            label={t.panels.score.title}
            digits={6}
            class="big"
          />
        </p>
      </Roving>
    </div>
  );
}

interface BlockProps {
  plan: Plan;
  start: number;
  columns: number;
  query: Slice;
  keys: Slice;
  sums: number[];
}

/** Some components: query, key, product and running sum below one another. */
function Block({ plan, start, columns, query, keys, sums }: BlockProps): JSX.Element {
  const t = words(table);
  const all = indices([start, Math.min(start + columns, plan.headDim)]);
  const q = (c: number): number => query.at(0, plan.head, plan.query, c);
  const k = (c: number): number => keys.at(0, plan.kvHead, plan.key, c);
  const digits = (value: number): number => fixed(value, 3);
  return (
    <table class="walk-block">
      <thead>
        <tr>
          <th scope="row">
            <i>c</i>
          </th>
          {all.map((c) => (
            <th key={c} scope="col" class="number">
              {c}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">
            <i>
              q<sub>c</sub>
            </i>
          </th>
          {all.map((c) => (
            <td key={c} class="number">
              <Num
                path={query.path}
                index={[0, plan.head, plan.query, c]}
                value={q(c)}
                digits={digits(q(c))}
                label={`${t.query}, ${c}`}
              />
            </td>
          ))}
        </tr>
        <tr>
          <th scope="row">
            ×{" "}
            <i>
              k<sub>c</sub>
            </i>
          </th>
          {all.map((c) => (
            <td key={c} class="number">
              <Num
                path={keys.path}
                index={[0, plan.kvHead, plan.key, c]}
                value={k(c)}
                digits={digits(k(c))}
                label={`${t.key}, ${c}`}
              />
            </td>
          ))}
        </tr>
        <tr class="result">
          <th scope="row">{t.product}</th>
          {all.map((c) => (
            <td key={c} class="number">
              <Derived
                name="product"
                plan={plan}
                index={[0, plan.head, plan.query, plan.key, c]}
                value={q(c) * k(c)}
                digits={digits(q(c) * k(c))}
                derivation={productOf(plan, c)}
                label={`${t.product}, ${c}`}
              />
            </td>
          ))}
        </tr>
        <tr class="running">
          <th scope="row">{t.running}</th>
          {all.map((c) => (
            <td key={c} class="number">
              <Derived
                name="running_sum"
                plan={plan}
                index={[0, plan.head, plan.query, plan.key, c]}
                value={sums[c] ?? 0}
                digits={digits(sums[c] ?? 0)}
                derivation={runningSum(plan, c)}
                label={`${t.running}, ${c}`}
              />
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  );
}
