/** From the text to the input of the attention: tokens, embedding, position, norm. */

import type { JSX } from "preact";
import type { Token, Window } from "../../../core/protocol";
import { kind, setState, state, stepAt } from "../../../core/state/state";
import { shortNumber } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import { Neighbours } from "../meaning/neighbours";
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
      sentence: placeSentence(plan, words),
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

function placeSentence(plan: Plan, words: Words): string {
  const { place } = words.panels;
  const types = has(`${plan.stack}.token_types`) ? ` ${place.types}` : "";
  const norm = has(`${embeddingNorm(plan)}.output`) ? ` ${place.normed}` : "";
  return `${place[placeKind(plan.config.positions)]}${types}${norm}`;
}

function placeKind(positions: unknown): "sinusoidal" | "learned" | "rotary" | "none" | "bias" {
  return positions === "sinusoidal" ||
    positions === "learned" ||
    positions === "rotary" ||
    positions === "none"
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
          title={kind.value === "generation" ? words.tokens : words.decoderInput}
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
  return (
    <>
      <Strips plan={plan} panel={panel} at={plan.query} steps={steps} />
      {state.panels.value === "one" && <Neighbours plan={plan} />}
    </>
  );
}

function PositionBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const words = wordsOf(table);
  const path = `${plan.stack}.positions`;
  const norm = embeddingNorm(plan);
  const normed = has(`${norm}.output`);
  return (
    <>
      {has(path) && <PositionVector plan={plan} panel={`${panel}-vector`} path={path} />}
      <Strips
        plan={plan}
        panel={panel}
        at={plan.query}
        steps={[
          { path: `${plan.stack}.token_types`, label: words.tokenType },
          { path: `${plan.stack}.embedding_sum`, label: words.residualSum },
          ...(normed ? [] : [{ path: `${plan.stack}.embedded`, label: words.residualSum }]),
        ]}
      />
      {normed && (
        <>
          <h3>{words.panels.norm.title}</h3>
          <NormSteps plan={plan} panel={`${panel}-norm`} path={norm} at={plan.query} />
        </>
      )}
    </>
  );
}

/** The norm of what the first layer reads, in models that have one. */
function embeddingNorm({ stack }: Plan): string {
  return `${stack === "encoder" ? "source" : "target"}_embedding_norm`;
}

/** The vector of the query's position: one for all texts, or of each text with its padding. */
function PositionVector({
  plan,
  panel,
  path,
}: {
  plan: Plan;
  panel: string;
  path: string;
}): JSX.Element {
  const words = wordsOf(table);
  const own = stepAt(path)?.shape.length === 3;
  const row: Window = [one(plan.query), [0, plan.width]];
  return (
    <Loaded panel={panel} needs={{ place: [path, own ? [[0, 1], ...row] : row] }}>
      {({ place }) => {
        const at = place.array.window[own ? 1 : 0]?.[0] ?? 0;
        return (
          <div class="walk-strips">
            <Strip
              slice={place}
              label={words.positionVector}
              width={plan.width}
              index={(c) => (own ? [0, at, c] : [at, c])}
            />
          </div>
        );
      }}
    </Loaded>
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
