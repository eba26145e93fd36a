/** Scores of one query and of all: raw, scaled, masked. */

import type { JSX } from "preact";
import { stepAt } from "../../../core/state/state";
import { shortNumber } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { scoreMax } from "../../../draw/colours";
import { MaskedFlow, ScaledFlow, ScoresFlow } from "../flow/rows";
import { SoftmaxFlow } from "../flow/softmax";
import type { PanelSpec } from "../panel";
import { KeyTable, ScoreSwatch } from "../parts/key_table";
import { Loaded, type Needs } from "../parts/loaded";
import { Cell, Pair, place, rowNeed } from "../parts/score_pair";
import { has, headRows, notation, type Plan, partNumber } from "../plan";
import { table, type Words } from "../words";
import { SoftmaxBody } from "./softmax";

export function scores(plan: Plan, words: Words): PanelSpec[] {
  const { panels } = words;
  const root = shortNumber(Math.sqrt(plan.headDim));
  const biased = has(`${plan.path}.bias`);
  const scale = partNumber(plan.config, "attention", "scale");
  const cap = has(`${plan.path}.capped`) ? partNumber(plan.config, "attention", "softcap") : null;
  const bent = cap === null ? "" : `${panels.masked.capped(shortNumber(cap))} `;
  const window = windowOf(plan);
  const windowed = window ? ` ${panels.masked.windowed(window)}` : "";
  return [
    {
      id: "scores",
      title: panels.scores.title,
      sentence: panels.scores.sentence,
      formula: `S = ${stepAt(`${plan.path}.scores`)?.formula ?? ""}`,
      body: ScoresBody,
      flow: ScoresFlow,
    },
    {
      id: "scaled",
      title: panels.scaled.title,
      sentence:
        scale === null
          ? panels.scaled.sentence(plan.headDim, root)
          : panels.scaled.byNumber(shortNumber(scale)),
      formula: notation(`${plan.path}.scaled`, {
        head_dim: plan.headDim,
        scale: scale === null ? "" : shortNumber(scale),
      }),
      steps: [`${plan.path}.scaled`],
      body: ScaledBody,
      flow: ScaledFlow,
    },
    {
      id: "masked",
      title: panels.masked.title,
      sentence: `${bent}${biased ? panels.masked.biased : panels.masked.sentence}${windowed}`,
      formula: [notation(`${plan.path}.capped`), notation(`${plan.path}.masked`, { or: words.or })]
        .filter(Boolean)
        .join(",  "),
      steps: [`${plan.path}.masked`],
      body: MaskedBody,
      flow: MaskedFlow,
    },
    {
      id: "softmax",
      title: panels.softmax.title,
      sentence: panels.softmax.sentence,
      formula: notation(`${plan.path}.weights`),
      steps: [`${plan.path}.weights`],
      body: SoftmaxBody,
      flow: SoftmaxFlow,
    },
  ];
}

/** How many positions a query of this layer sees; 0 for no limit. */
function windowOf({ part, layer, config }: Plan): number {
  const attention = config.attention as { windows?: number[] } | undefined;
  const windows = attention?.windows ?? [];
  return part === "decoder" && windows.length ? (windows[layer % windows.length] ?? 0) : 0;
}

function ScoresBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const row = (
    <Loaded panel={panel} needs={{ raw: rowNeed(plan, "scores") }}>
      {({ raw }) => {
        const max = scoreMax(raw.values);
        return (
          <KeyTable
            plan={plan}
            label={words.panels.scores.title}
            columns={[
              {
                title: "",
                cell: (key) => (
                  <ScoreSwatch value={raw.at(...place(raw, plan, plan.query, key))} max={max} />
                ),
              },
              {
                title: words.score,
                cell: (key) => <Cell slice={raw} plan={plan} at={key} label={words.score} />,
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
  const words = wordsOf(table);
  const scale = partNumber(plan.config, "attention", "scale");
  const step =
    scale === null ? `÷ ${shortNumber(Math.sqrt(plan.headDim))}` : `× ${shortNumber(scale)}`;
  const row = (
    <Loaded panel={panel} needs={{ raw: rowNeed(plan, "scores"), scaled: rowNeed(plan, "scaled") }}>
      {({ raw, scaled }) => {
        const max = scoreMax(scaled.values);
        return (
          <KeyTable
            plan={plan}
            label={words.panels.scaled.title}
            columns={[
              {
                title: words.panels.scores.title,
                cell: (key) => (
                  <Cell slice={raw} plan={plan} at={key} label={words.panels.scores.title} />
                ),
              },
              {
                title: step,
                cell: (key) => (
                  <ScoreSwatch
                    value={scaled.at(...place(scaled, plan, plan.query, key))}
                    max={max}
                  />
                ),
              },
              {
                title: words.panels.scaled.title,
                cell: (key) => (
                  <Cell slice={scaled} plan={plan} at={key} label={words.panels.scaled.title} />
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
  const words = wordsOf(table);
  const biased = has(`${plan.path}.bias`);
  const needs: Needs = { scaled: rowNeed(plan, "scaled"), masked: rowNeed(plan, "masked") };
  if (biased) needs.bias = rowNeed(plan, "bias");
  const bent = has(`${plan.path}.capped`);
  if (bent) needs.capped = rowNeed(plan, "capped");
  const row = (
    <Loaded key={`${biased} ${bent}`} panel={panel} needs={needs}>
      {(slices) => {
        const [scaled, masked, bias] = [slices.scaled!, slices.masked!, slices.bias];
        const max = scoreMax(masked.values);
        const columns = [
          {
            title: words.panels.scaled.title,
            cell: (key: number) => (
              <Cell slice={scaled} plan={plan} at={key} label={words.panels.scaled.title} />
            ),
          },
          {
            title: "",
            cell: (key: number) => (
              <ScoreSwatch value={masked.at(...place(masked, plan, plan.query, key))} max={max} />
            ),
          },
          {
            title: words.panels.masked.title,
            cell: (key: number) => (
              <Cell slice={masked} plan={plan} at={key} label={words.panels.masked.title} />
            ),
          },
        ];
        const capped = slices.capped;
        if (capped)
          columns.splice(1, 0, {
            title: words.capped,
            cell: (key) => <Cell slice={capped} plan={plan} at={key} label={words.capped} />,
          });
        if (bias)
          columns.splice(capped ? 2 : 1, 0, {
            title: `+ ${words.bias}`,
            cell: (key) => <Cell slice={bias} plan={plan} at={key} label={words.bias} />,
          });
        return <KeyTable plan={plan} label={words.panels.masked.title} columns={columns} />;
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
  const words = wordsOf(table);
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
              ? words.nothingMasked
              : row === 0
                ? words.rowNotMasked(matrix)
                : words.rowMasked(row, keys)}
          </p>
        );
      }}
    </Loaded>
  );
}
