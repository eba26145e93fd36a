/** From the text to the input of the attention: tokens, embedding, position, norm. */

import type { JSX } from "preact";
import type { Token } from "../../../core/protocol";
import { kind, setState } from "../../../core/state/state";
import { shortNumber } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import type { PanelSpec } from "../panel";
import { Loaded } from "../parts/loaded";
import { Roving } from "../parts/roving";
import { attentionInput, has, notation, notations, one, type Plan, quoted } from "../plan";
import { Strip, Strips } from "../vectors/strips";
import { table, type Words } from "../words";
import { NormSteps } from "./norm";

export function beginning(plan: Plan, words: Words): PanelSpec[] {
  const { stack, config } = plan;
  const { panels } = words;
  const root = shortNumber(Math.sqrt(plan.width));
  const specs: PanelSpec[] = [
    {
      id: "text",
      title: panels.text.title,
      sentence: panels.text[textKey(plan)],
      body: TextBody,
    },
    {
      id: "tokens",
      title: panels.tokens.title,
      sentence: tokensSentence(plan, words),
      body: TokensBody,
    },
    {
      id: "embedding",
      title: panels.embedding.title,
      sentence: config.scale_embedding
        ? panels.embedding.scaled(plan.width, root)
        : panels.embedding.plain,
      formula: notation(`${stack}.scaled_embedding`) || notation(`${stack}.embedding`),
      body: EmbeddingBody,
    },
    {
      id: "position",
      title: panels.place.title,
      sentence: panels.place[placeKind(config.positions)],
      formula: notations(`${stack}.embedded`, `${stack}.positions`),
      body: PositionBody,
    },
    {
      id: "input",
      title: panels.input.title,
      sentence: inputSentence(plan, words),
      formula: inputFormula(plan),
      body: InputBody,
    },
  ];
  if (plan.normBefore)
    specs.push({
      id: "norm",
      title: panels.norm.title,
      sentence: config.norm === "rms" ? panels.norm.rms : panels.norm.layer,
      formula: notation(`${plan.norm}.output`),
      body: NormBody,
    });
  return specs;
}

/** Which words speak of the text: those of a side, or of a model with one. */
function textKey({ stack }: Plan): "encoder" | "decoder" | "generation" | "alone" {
  if (kind.value === "translation") return stack;
  return kind.value === "generation" ? "generation" : "alone";
}

function tokensSentence(plan: Plan, words: Words): string {
  const { tokens } = words.panels;
  return tokens[plan.part === "cross" ? "cross" : textKey(plan)];
}

function placeKind(positions: unknown): "sinusoidal" | "learned" | "rotary" | "bias" {
  return positions === "sinusoidal" || positions === "learned" || positions === "rotary"
    ? positions
    : "bias";
}

function inputSentence(plan: Plan, words: Words): string {
  if (plan.part === "cross") return words.panels.input.cross;
  return plan.layer === 0 ? words.panels.input.first : words.panels.input.later(plan.layer - 1);
}

function inputFormula(plan: Plan): string | undefined {
  return plan.part === "cross" && plan.normBefore ? "x′ = x + SelfAttention(Norm(x))" : undefined;
}

function TextBody({ plan }: { plan: Plan }): JSX.Element {
  const words = wordsOf(table);
  const { run } = plan;
  const sentence = run.sentences[run.sentence]?.text ?? run.text ?? "";
  return (
    <dl class="walk-texts">
      <dt>{words.texts[kind.value]}</dt>
      <dd>{sentence}</dd>
      {plan.stack === "decoder" && run.translation && (
        <>
          <dt>{kind.value === "generation" ? words.continuation : words.translation}</dt>
          <dd>{run.translation}</dd>
        </>
      )}
    </dl>
  );
}

function TokensBody({ plan }: { plan: Plan }): JSX.Element {
  const words = wordsOf(table);
  const { run } = plan;
  const cross = plan.part === "cross";
  return (
    <>
      {plan.stack === "decoder" && (
        <Chips
          title={words.decoderInput}
          tokens={run.decoder_input}
          path="decoder.tokens"
          query={plan.query}
          keyAt={cross ? null : plan.key}
          pick={(query) => setState({ query })}
        />
      )}
      {plan.keyStack === "encoder" && (
        <Chips
          title={kind.value === "encoder" ? words.tokens : words.source}
          tokens={run.source}
          path="encoder.tokens"
          query={cross ? null : plan.query}
          keyAt={plan.key}
          pick={(at) => setState(cross ? { key: at } : { query: at })}
        />
      )}
    </>
  );
}

interface ChipsProps {
  title: string;
  tokens: Token[];
  path: string;
  query: number | null;
  keyAt: number | null;
  pick: (at: number) => void;
}

function Chips({ title, tokens, path, query, keyAt, pick }: ChipsProps): JSX.Element {
  const words = wordsOf(table);
  return (
    <Roving label={title} class="walk-chips">
      <h3>{title}</h3>
      <ol start={0}>
        {tokens.map((token, at) => (
          <li key={at} class={`${at === query ? "is-query" : ""} ${at === keyAt ? "is-key" : ""}`}>
            <span class="walk-place">{at}</span>
            <button
              type="button"
              class={token.special ? "walk-chip special" : "walk-chip"}
              aria-pressed={at === query || (query === null && at === keyAt)}
              aria-label={`${words.token} ${at} ${quoted(token)}${token.special ? `, ${words.special}` : ""}`}
              onClick={() => pick(at)}
            >
              {token.piece}
            </button>
            <Num
              path={path}
              index={[0, at]}
              value={token.id}
              label={`${words.id} ${quoted(token)}`}
            />
            <span class="walk-roles">
              {[at === query && words.query, at === keyAt && words.key].filter(Boolean).join(" · ")}
            </span>
          </li>
        ))}
      </ol>
    </Roving>
  );
}

function EmbeddingBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const steps = [
    { path: `${plan.stack}.embedding`, label: words.row },
    { path: `${plan.stack}.scaled_embedding`, label: words.scaledRow },
  ];
  return <Strips plan={plan} panel={panel} at={plan.query} steps={steps} />;
}

function PositionBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const path = `${plan.stack}.positions`;
  return (
    <>
      {has(path) && (
        <Loaded
          panel={`${panel}-vector`}
          needs={{ place: [path, [one(plan.query), [0, plan.width]]] }}
        >
          {({ place }) => (
            <div class="walk-strips">
              <Strip
                slice={place}
                label={words.positionVector}
                width={plan.width}
                index={(c) => [place.array.window[0]?.[0] ?? 0, c]}
              />
            </div>
          )}
        </Loaded>
      )}
      <Strips
        plan={plan}
        panel={panel}
        at={plan.query}
        steps={[{ path: `${plan.stack}.embedded`, label: words.residualSum }]}
      />
    </>
  );
}

function InputBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const steps = [{ path: `${plan.layerPath}.input`, label: words.inputVector }];
  if (plan.part === "cross") {
    steps.push({ path: `${plan.layerPath}.self_attention.projected`, label: words.parts.decoder });
    steps.push({ path: attentionInput(plan), label: words.residualSum });
  }
  return <Strips plan={plan} panel={panel} at={plan.query} steps={steps} />;
}

function NormBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  return <NormSteps plan={plan} panel={panel} path={plan.norm} at={plan.query} />;
}
