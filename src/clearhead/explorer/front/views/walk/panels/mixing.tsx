/** From weights to the layer's output: contributions, heads, projection, residual, feed-forward. */

import type { JSX } from "preact";
import { setState, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { LensLink } from "../meaning/lens_link";
import type { PanelSpec } from "../panel";
import { axisOf, has, notation, type Plan, summands } from "../plan";
import { Strips } from "../vectors/strips";
import { table, type Words } from "../words";
import { ContributionsBody } from "./contributions";
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
      {state.panels.value === "one" && plan.own && <LensLink plan={plan} />}
    </>
  );
}
