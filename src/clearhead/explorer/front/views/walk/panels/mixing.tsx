/** From weights to the layer's output: contributions, heads, projection, residual, feed-forward. */

import type { JSX } from "preact";
import { setState } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { scoreMax } from "../../../draw/colours";
import { Num } from "../../../where_from/number";
import type { PanelSpec } from "../panel";
import { fixed } from "../parts/key_table";
import { Loaded, type Slice } from "../parts/loaded";
import { rangeOf, Truncation } from "../parts/windows";
import { axisOf, has, headRows, notation, one, type Plan, summands } from "../plan";
import { Rows } from "../vectors/rows";
import { Strip, Strips } from "../vectors/strips";
import { table, type Words } from "../words";
import { NormSteps } from "./norm";

export function mixing(plan: Plan, words: Words): PanelSpec[] {
  const { contributions, heads, residual, cross } = words.panels;
  const specs: PanelSpec[] = [
    {
      id: "contributions",
      title: contributions.title,
      sentence: contributions.sentence,
      formula: notation(`${plan.path}.output`),
      steps: [`${plan.path}.output`],
      body: ContributionsBody,
    },
    {
      id: "heads",
      title: heads.title,
      sentence: heads.sentence(plan.heads),
      formula: notation(`${plan.path}.projected`, { last_head: plan.heads - 1 }),
      body: HeadsBody,
    },
    {
      id: "residual",
      title: residual.title,
      sentence: plan.parallel ? residual.parallel : residual.sentence,
      formula: plan.parallel
        ? notation(`${plan.path}_residual`)
        : `${notation(`${plan.path}_residual`)},  ${words.afterwards} ${notation(`${normAfter(plan)}.output`)}`,
      body: ResidualBody,
    },
  ];
  if (plan.part === "decoder" && has(`${plan.layerPath}.cross_attention.projected`))
    specs.push({ id: "cross", title: cross.title, sentence: cross.sentence, body: CrossBody });
  return [...specs, ...feedForwardPanels(plan, words)];
}

function feedForwardPanels(plan: Plan, words: Words): PanelSpec[] {
  const { feed, residualTwo } = words.panels;
  const path = `${plan.layerPath}.feed_forward`;
  const wide = axisOf(`${path}.up`, 2, 0);
  const activation = String(plan.config.activation);
  const number = (value: number): string => value.toLocaleString(words.locale);
  return [
    {
      id: "feed",
      title: feed.title,
      sentence:
        feed.sentence(
          number(wide),
          number(plan.width),
          feed.activations[activation] ?? activation,
        ) + (plan.parallel ? ` ${feed.parallel}` : ""),
      formula: notation(`${path}.output`, { hidden: notation(`${path}.hidden`) }),
      body: FeedBody,
    },
    {
      id: "residual-two",
      title: residualTwo.title,
      sentence: residualTwo.sentence(plan.layer),
      formula: notation(`${path}_residual`),
      body: ResidualTwoBody,
    },
  ];
}

function ContributionsBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const keys = rangeOf(plan, "key");
  const width: [number, number] = [0, plan.headDim];
  const { path, head, kvHead, query } = plan;
  return (
    <>
      <Loaded
        panel={panel}
        needs={{
          weights: [`${path}.weights`, headRows(head, one(query), keys)],
          value: [`${path}.value`, headRows(kvHead, keys, width)],
          parts: [`${path}.contributions`, [[0, 1], one(head), one(query), keys, width]],
          output: [`${path}.output`, headRows(head, one(query), width)],
        }}
      >
        {(slices) => <ContributionRows plan={plan} {...slices} />}
      </Loaded>
      <Truncation plan={plan} side="key" />
    </>
  );
}

interface ContributionSlices {
  weights: Slice;
  value: Slice;
  parts: Slice;
  output: Slice;
}

/** The values of all keys beside weight times value, and the sum of the products below them. */
function ContributionRows(props: ContributionSlices & { plan: Plan }): JSX.Element {
  const { plan, weights, value, parts, output } = props;
  const words = wordsOf(table);
  const { head, query } = plan;
  const common = {
    tokens: plan.keys,
    selected: plan.key,
    width: plan.headDim,
    pick: (key: number): void => setState({ key }),
    max: scoreMax(value.values),
  };
  const weightOf = (key: number): JSX.Element => {
    const weight = weights.at(0, head, query, key);
    return (
      <Num
        path={weights.path}
        index={[0, head, query, key]}
        value={weight}
        digits={fixed(weight, 3)}
        label={words.weight}
      />
    );
  };
  return (
    <div class="walk-two">
      <Rows {...common} label={words.panels.vectors.names.value} slice={value} />
      <div class="walk-summed">
        <Rows {...common} label={words.weightTimesValue} slice={parts} extra={weightOf} />
        <Strip
          slice={output}
          label={words.sumIsOutput(head)}
          width={plan.headDim}
          max={common.max}
          index={(c) => [0, head, query, c]}
        />
      </div>
    </div>
  );
}

function HeadsBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const span: [number, number] = [plan.head * plan.headDim, (plan.head + 1) * plan.headDim];
  const steps = [
    {
      path: `${plan.path}.concatenated`,
      label: `${words.sideBySide}; ${words.bracket(plan.head)}`,
      span,
    },
    { path: `${plan.path}.projected`, label: words.projected },
  ];
  return <Strips plan={plan} panel={panel} at={plan.query} steps={steps} />;
}

/** What the layer does next with the sum: its norm stands before that, or after this sum. */
function normAfter(plan: Plan): string {
  if (!plan.normBefore) return plan.norm;
  const cross = plan.part === "decoder" && has(`${plan.layerPath}.cross_attention_norm.output`);
  return `${plan.layerPath}.${cross ? "cross_attention" : "feed_forward"}_norm`;
}

function ResidualBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const [before, output] = summands(`${plan.path}_residual`);
  return (
    <>
      <OutputNorm plan={plan} panel={panel} sublayer={plan.path} />
      <Strips
        plan={plan}
        panel={panel}
        at={plan.query}
        steps={[
          { path: before, label: words.inputVector },
          { path: output, label: `+ ${words.attentionOut}` },
          { path: `${plan.path}_residual`, label: `= ${words.residualSum}` },
        ]}
      />
      {!plan.parallel && (
        <>
          <h3>{words.panels.norm.title}</h3>
          <NormSteps plan={plan} panel={`${panel}-norm`} path={normAfter(plan)} at={plan.query} />
        </>
      )}
    </>
  );
}

/** The norm of what a sublayer adds, in models that have one. */
function OutputNorm({
  plan,
  panel,
  sublayer,
}: {
  plan: Plan;
  panel: string;
  sublayer: string;
}): JSX.Element | null {
  const words = wordsOf(table);
  const path = `${sublayer}_output_norm`;
  if (!has(`${path}.output`)) return null;
  return (
    <>
      <h3>{words.outputNorm}</h3>
      <NormSteps plan={plan} panel={`${panel}-output-norm`} path={path} at={plan.query} />
    </>
  );
}

function CrossBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const { layerPath } = plan;
  return (
    <>
      <Strips
        plan={plan}
        panel={panel}
        at={plan.query}
        steps={[
          { path: `${layerPath}.cross_attention.projected`, label: `+ ${words.parts.cross}` },
          { path: `${layerPath}.cross_attention_residual`, label: `= ${words.residualSum}` },
        ]}
      />
      <p>
        <button
          type="button"
          class="walk-go"
          onClick={() => setState({ part: "cross", key: null })}
        >
          {words.walkCross} →
        </button>
      </p>
      <h3>{words.panels.norm.title}</h3>
      <NormSteps
        plan={plan}
        panel={`${panel}-norm`}
        path={`${layerPath}.${plan.normBefore ? "feed_forward" : "cross_attention"}_norm`}
        at={plan.query}
      />
    </>
  );
}

function FeedBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const path = `${plan.layerPath}.feed_forward`;
  const wide = axisOf(`${path}.up`, 2, plan.width);
  return (
    <>
      {plan.parallel && (
        <NormSteps plan={plan} panel={`${panel}-norm`} path={`${path}_norm`} at={plan.query} />
      )}
      <Strips
        plan={plan}
        panel={panel}
        at={plan.query}
        steps={[
          { path: `${path}.gate`, label: words.gate, width: wide },
          { path: `${path}.up`, label: words.up, width: wide },
          { path: `${path}.hidden`, label: words.hidden, width: wide },
          { path: `${path}.output`, label: words.down },
        ]}
      />
    </>
  );
}

function ResidualTwoBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const path = `${plan.layerPath}.feed_forward`;
  const [before, output] = summands(`${path}_residual`);
  return (
    <>
      <OutputNorm plan={plan} panel={panel} sublayer={path} />
      <Strips
        plan={plan}
        panel={panel}
        at={plan.query}
        steps={[
          { path: before, label: words.inputVector },
          { path: output, label: `+ ${words.feedOut}` },
          { path: `${path}_residual`, label: `= ${words.residualSum}` },
        ]}
      />
      {!plan.normBefore && (
        <NormSteps plan={plan} panel={`${panel}-norm`} path={`${path}_norm`} at={plan.query} />
      )}
    </>
  );
}
