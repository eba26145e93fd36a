/** Scores of one query and of all: raw, scaled, masked; and the softmax that makes weights of them. */

import type { ComponentChildren, JSX } from "preact";
import { words } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import { setState } from "../../../core/state/state";
import { scoreMax } from "../../../draw/colours";
import { Matrix } from "../../../draw/matrix/matrix";
import { ScoreLegend, WeightLegend } from "../../../draw/scene/scene_view";
import { shortNumber } from "./beginning";
import { Derived, expOf, expSumOf, largestOf, weightSumOf } from "../parts/derived";
import { fixed, KeyTable, ScoreSwatch, WeightBar } from "../parts/key_table";
import { Loaded, type Needs, type Slice } from "../parts/loaded";
import type { PanelSpec } from "../panel";
import { has, headRows, one, quoted, type Plan } from "../plan";
import { rangeOf, Truncation } from "../parts/windows";
import { table, type Words } from "../words";

/** Up to so many keys, the matrix has room beside the row. */
const BESIDE = 14;

export function scores(plan: Plan, t: Words): PanelSpec[] {
  const said = t.panels;
  const root = shortNumber(Math.sqrt(plan.headDim));
  const biased = has(`${plan.path}.bias`);
  return [
    {
      id: "scores",
      title: said.scores.title,
      sentence: said.scores.sentence,
      formula: "S = Q K^T",
      body: ScoresBody,
    },
    {
      id: "scaled",
      title: said.scaled.title,
      sentence: said.scaled.sentence(plan.headDim, root),
      formula: `s_{ij} / √${plan.headDim}`,
      steps: [`${plan.path}.scaled`],
      body: ScaledBody,
    },
    {
      id: "masked",
      title: said.masked.title,
      sentence: biased ? said.masked.biased : said.masked.sentence,
      formula: biased
        ? `m_{ij} = s_{ij} / √d_k + b_{ij},  ${t.or} −∞`
        : `m_{ij} = s_{ij} / √d_k,  ${t.or} −∞`,
      steps: [`${plan.path}.masked`],
      body: MaskedBody,
    },
    {
      id: "softmax",
      title: said.softmax.title,
      sentence: said.softmax.sentence,
      formula: "w_{ij} = exp(m_{ij} − max_j m_{ij}) / Σ_j exp(m_{ij} − max_j m_{ij})",
      steps: [`${plan.path}.weights`],
      body: SoftmaxBody,
    },
  ];
}

/** A row of a step of the attention, all keys of it. */
function rowNeed(plan: Plan, name: string, heads = plan.head): Needs[string] {
  const shape = plan.run.steps.find(({ path }) => path === `${plan.path}.${name}`)?.shape ?? [];
  if (shape.length === 3)
    return [`${plan.path}.${name}`, [one(heads), one(plan.query), [0, plan.keys.length]]];
  return [`${plan.path}.${name}`, headRows(heads, one(plan.query), [0, plan.keys.length])];
}

/** The index of a score; a bias may come without a batch. */
function place(slice: Slice, plan: Plan, query: number, key: number): number[] {
  return slice.array.whole.length === 3 ? [plan.head, query, key] : [0, plan.head, query, key];
}

function Cell({
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
function Pair({
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
  const t = words(table);
  const [queries, keys] = [rangeOf(plan, "query"), rangeOf(plan, "key")];
  return (
    <>
      {children}
      <div class={keys[1] - keys[0] > BESIDE ? "walk-pair stacked" : "walk-pair"}>
        <div>
          <h3>{t.thisRow(quoted(plan.queries[plan.query]))}</h3>
          {row}
        </div>
        <div>
          <h3>{t.all}</h3>
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
                title={t.panels[panel as "scores"].title}
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
  const t = words(table);
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
        t.cell(quoted(plan.queries[row]), quoted(plan.keys[column]), masked ? t.maskedCell : "")
      }
    >
      {kind === "weight" ? <WeightLegend /> : <ScoreLegend max={max} />}
    </Matrix>
  );
}

function ScoresBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const t = words(table);
  const row = (
    <Loaded panel={panel} needs={{ raw: rowNeed(plan, "scores") }}>
      {({ raw }) => {
        const max = scoreMax(raw.values);
        return (
          <KeyTable
            plan={plan}
            label={t.panels.scores.title}
            columns={[
              {
                title: "",
                cell: (key) => (
                  <ScoreSwatch value={raw.at(...place(raw, plan, plan.query, key))} max={max} />
                ),
              },
              {
                title: t.score,
                cell: (key) => <Cell slice={raw} plan={plan} at={key} label={t.score} />,
              },
            ]}
          />
        );
      }}
    </Loaded>
  );
  return <Pair plan={plan} panel={panel} name="scores" kind="score" row={row} />;
}

function ScaledBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const t = words(table);
  const root = shortNumber(Math.sqrt(plan.headDim));
  const row = (
    <Loaded panel={panel} needs={{ raw: rowNeed(plan, "scores"), scaled: rowNeed(plan, "scaled") }}>
      {({ raw, scaled }) => {
        const max = scoreMax(scaled.values);
        return (
          <KeyTable
            plan={plan}
            label={t.panels.scaled.title}
            columns={[
              {
                title: t.panels.scores.title,
                cell: (key) => (
                  <Cell slice={raw} plan={plan} at={key} label={t.panels.scores.title} />
                ),
              },
              {
                title: `÷ ${root}`,
                cell: (key) => (
                  <ScoreSwatch
                    value={scaled.at(...place(scaled, plan, plan.query, key))}
                    max={max}
                  />
                ),
              },
              {
                title: t.panels.scaled.title,
                cell: (key) => (
                  <Cell slice={scaled} plan={plan} at={key} label={t.panels.scaled.title} />
                ),
              },
            ]}
          />
        );
      }}
    </Loaded>
  );
  return <Pair plan={plan} panel={panel} name="scaled" kind="score" row={row} />;
}

function MaskedBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const t = words(table);
  const biased = has(`${plan.path}.bias`);
  const before = has(`${plan.path}.capped`) ? "capped" : "scaled";
  const needs: Needs = { before: rowNeed(plan, before), masked: rowNeed(plan, "masked") };
  if (biased) needs.bias = rowNeed(plan, "bias");
  const row = (
    <Loaded key={String(biased)} panel={panel} needs={needs}>
      {(slices) => {
        const [first, masked, bias] = [slices.before!, slices.masked!, slices.bias];
        const max = scoreMax(masked.values);
        const columns = [
          {
            title: t.panels.scaled.title,
            cell: (key: number) => (
              <Cell slice={first} plan={plan} at={key} label={t.panels.scaled.title} />
            ),
          },
          {
            title: "",
            cell: (key: number) => (
              <ScoreSwatch value={masked.at(...place(masked, plan, plan.query, key))} max={max} />
            ),
          },
          {
            title: t.panels.masked.title,
            cell: (key: number) => (
              <Cell slice={masked} plan={plan} at={key} label={t.panels.masked.title} />
            ),
          },
        ];
        if (bias)
          columns.splice(1, 0, {
            title: `+ ${t.bias}`,
            cell: (key) => <Cell slice={bias} plan={plan} at={key} label={t.bias} />,
          });
        return <KeyTable plan={plan} label={t.panels.masked.title} columns={columns} />;
      }}
    </Loaded>
  );
  return (
    <Pair plan={plan} panel={panel} name="masked" kind="score" row={row}>
      <MaskStatus plan={plan} panel={panel} />
    </Pair>
  );
}

/** What is masked, in words: of this row, and of the whole matrix. */
function MaskStatus({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const t = words(table);
  const whole = headRows(plan.head, [0, plan.queries.length], [0, plan.keys.length]);
  return (
    <Loaded panel={`${panel}-status`} needs={{ all: [`${plan.path}.masked`, whole] }}>
      {({ all }) => {
        const count = (values: ArrayLike<number>): number =>
          Array.from(values).filter((value) => value === -Infinity).length;
        const keys = plan.keys.length;
        const row = count(
          Array.from({ length: keys }, (_, key) =>
            all.at(0, all.array.window[1]![0], plan.query, key),
          ),
        );
        const matrix = count(all.values);
        return (
          <p class="walk-note walk-mask-status">
            {matrix === 0
              ? t.nothingMasked
              : row === 0
                ? t.rowNotMasked(matrix)
                : t.rowMasked(row, keys)}
          </p>
        );
      }}
    </Loaded>
  );
}

function SoftmaxBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
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
  const t = words(table);
  const row = Array.from(masked.values);
  const largest = Math.max(...row);
  // A query that may attend to nothing has weights of 0, as in the reference.
  const exps = row.map((value) => (value === -Infinity ? 0 : Math.exp(value - largest)));
  const sum = exps.reduce((total, value) => total + value, 0);
  const all = Array.from(weights.values);
  const at = [0, plan.head, plan.query];
  const [start, stop] = rangeOf(plan, "key");
  const elsewhere = all.reduce(
    (total, value, key) => (key < start || key >= stop ? total + value : total),
    0,
  );
  return (
    <>
      <KeyTable
        plan={plan}
        label={t.panels.softmax.title}
        total={t.sum}
        columns={[
          {
            title: t.panels.masked.title,
            cell: (key) => (
              <Cell slice={masked} plan={plan} at={key} label={t.panels.masked.title} />
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
                label={`${t.sum}, exp`}
              />
            ),
          },
          { title: "", cell: (key) => <WeightBar value={all[key] ?? 0} /> },
          {
            title: `÷ ${t.sum} = ${t.weight}`,
            cell: (key) => (
              <Cell slice={weights} plan={plan} at={key} label={t.weight} decimals={4} />
            ),
            total: (
              <Derived
                name="weight_sum"
                plan={plan}
                index={at}
                value={total(all)}
                digits={5}
                derivation={weightSumOf(plan)}
                label={`${t.sum}, ${t.weight}`}
              />
            ),
          },
        ]}
      />
      <p class="walk-note">
        {t.largest}{" "}
        <Derived
          name="max"
          plan={plan}
          index={at}
          value={largest}
          derivation={largestOf(plan)}
          label={t.largest}
        />
      </p>
      {stop - start < all.length && (
        <p class="walk-note">
          {t.elsewhere(all.length - (stop - start), elsewhere.toPrecision(3))}
        </p>
      )}
    </>
  );
}

function total(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
