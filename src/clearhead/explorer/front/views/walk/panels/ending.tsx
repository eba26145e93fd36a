/** From the last layer to words: the stack's output, and the panels of the next token. */

import type { JSX } from "preact";
import { labels, setState, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { LensLink } from "../meaning/lens_link";
import type { PanelSpec } from "../panel";
import { has, notation, numberIn, type Plan } from "../plan";
import { Strips } from "../vectors/strips";
import { table, type Words } from "../words";
import { LogitsBody, predicting, WordsBody } from "./next_tokens";
import { NormSteps } from "./norm";

export function ending(plan: Plan, words: Words): PanelSpec[] {
  const { final, transform, logits, words: nextWords } = words.panels;
  const outputs = labels.value?.length ?? numberIn(plan.config, "vocab_size", 0);
  const vocabulary = outputs.toLocaleString(words.locale);
  const follow = plan.layer + 1 < plan.layers ? final.layers(plan.layer + 1, plan.layers - 1) : "";
  const last: PanelSpec = {
    id: "final",
    title: final.title,
    sentence: follow + final[ended(plan)],
    formula: notation(`${plan.stack}.norm.output`),
    body: FinalBody,
  };
  if (!has("logits")) return [last];
  const between: PanelSpec[] =
    has("scaled_hidden") || has("output_transform.output")
      ? [
          {
            id: "transform",
            title: transform.title,
            sentence: has("output_transform.output") ? transform.sentence : transform.scaled,
            body: TransformBody,
          },
        ]
      : [];
  const bent = has("uncapped_logits") ? ` ${logits.bent}` : "";
  return [
    last,
    ...between,
    {
      id: "logits",
      title: logits.title,
      sentence: logits.sentence[predicting()](vocabulary) + bent,
      formula: notation("logits"),
      steps: ["logits"],
      body: LogitsBody,
    },
    {
      id: "words",
      title: labels.value ? words.labelsTitle : nextWords.title,
      sentence: nextWords.sentence[predicting()],
      formula: notation("probabilities"),
      body: WordsBody,
    },
  ];
}

/** What follows from a stack's output. */
function ended(plan: Plan): "encoder" | "decoder" | "words" | "label" | "nothing" {
  if (labels.value) return "label";
  if (has("decoder.tokens")) return plan.stack;
  return has("logits") ? "words" : "nothing";
}

/** Between the last vector and the logits: a factor, or a layer with a norm. */
function TransformBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  return (
    <>
      <Strips
        plan={plan}
        panel={panel}
        at={plan.position}
        steps={[
          { path: "scaled_hidden", label: words.scaledRow },
          { path: "output_transform.projected", label: words.projected },
          { path: "output_transform.output", label: words.hidden },
        ]}
      />
      {has("output_norm.output") && (
        <NormSteps plan={plan} panel={`${panel}-norm`} path="output_norm" at={plan.position} />
      )}
    </>
  );
}

function FinalBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const { stack } = plan;
  const last = `${stack}.layers.${plan.layers - 1}.feed_forward_residual`;
  return (
    <>
      <Strips
        plan={plan}
        panel={panel}
        at={plan.query}
        steps={[{ path: last, label: words.panels.final.last }]}
      />
      {has(`${stack}.norm.output`) ? (
        <>
          <h3>{words.panels.final.norm}</h3>
          <NormSteps plan={plan} panel={`${panel}-norm`} path={`${stack}.norm`} at={plan.query} />
        </>
      ) : (
        <Strips
          plan={plan}
          panel={`${panel}-output`}
          at={plan.query}
          steps={[{ path: `${stack}.output`, label: words.outputVector }]}
        />
      )}
      {state.panels.value === "one" && plan.own && <LensLink plan={plan} />}
      {stack === "encoder" && has("decoder.layers.0.cross_attention.weights") && (
        <p>
          <button
            type="button"
            class="walk-go"
            onClick={() => setState({ part: "cross", layer: 0, query: plan.position, key: null })}
          >
            {words.walkCross} →
          </button>
        </p>
      )}
    </>
  );
}
