/** From the text to the input of the attention: tokens, embedding, position, norm. */

import type { JSX } from "preact";
import type { Token } from "../../../core/protocol";
import { setState } from "../../../core/state/state";
import { shortNumber } from "../../../core/text/format";
import { words } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import type { PanelSpec } from "../panel";
import { Loaded } from "../parts/loaded";
import { Roving } from "../parts/roving";
import { attentionInput, has, one, type Plan, quoted } from "../plan";
import { Strip, Strips } from "../vectors/strips";
import { table, type Words } from "../words";
import { NormSteps, normFormula } from "./norm";

export function beginning(plan: Plan, t: Words): PanelSpec[] {
  const { part, stack, config } = plan;
  const said = t.panels;
  const root = shortNumber(Math.sqrt(plan.width));
  const specs: PanelSpec[] = [
    { id: "text", title: said.text.title, sentence: said.text[stack], body: TextBody },
    {
      id: "tokens",
      title: said.tokens.title,
      sentence: said.tokens[part as "cross"] ?? said.tokens.encoder,
      body: TokensBody,
    },
    {
      id: "embedding",
      title: said.embedding.title,
      sentence: config.scale_embedding
        ? said.embedding.scaled(plan.width, root)
        : said.embedding.plain,
      formula: config.scale_embedding ? `e_i = √d · E_{id(i)}` : `e_i = E_{id(i)}`,
      body: EmbeddingBody,
    },
    {
      id: "position",
      title: said.place.title,
      sentence: said.place[placeKind(config.positions)],
      formula: has(`${stack}.positions`) ? placeFormula(config.positions) : undefined,
      body: PositionBody,
    },
    {
      id: "input",
      title: said.input.title,
      sentence: inputSentence(plan, t),
      formula: inputFormula(plan),
      body: InputBody,
    },
  ];
  if (plan.normBefore)
    specs.push({
      id: "norm",
      title: said.norm.title,
      sentence: config.norm === "rms" ? said.norm.rms : said.norm.layer,
      formula: normFormula(config.norm),
      body: NormBody,
    });
  return specs;
}

function placeKind(positions: unknown): "sinusoidal" | "learned" | "rotary" | "bias" {
  return positions === "sinusoidal" || positions === "learned" || positions === "rotary"
    ? positions
    : "bias";
}

function placeFormula(positions: unknown): string {
  const sum = "x_i = e_i + p_i";
  return positions === "sinusoidal"
    ? `${sum},  p_{i,2c} = sin(i / 10000^{2c/d}),  p_{i,2c+1} = cos(i / 10000^{2c/d})`
    : sum;
}

function inputSentence(plan: Plan, t: Words): string {
  if (plan.part === "cross") return t.panels.input.cross;
  return plan.layer === 0 ? t.panels.input.first : t.panels.input.later(plan.layer - 1);
}

function inputFormula(plan: Plan): string | undefined {
  return plan.part === "cross" && plan.normBefore ? "x′ = x + SelfAttention(Norm(x))" : undefined;
}

function TextBody({ plan }: { plan: Plan }): JSX.Element {
  const t = words(table);
  const { run } = plan;
  const sentence = run.sentences[run.sentence]?.text ?? run.text ?? "";
  return (
    <dl class="walk-texts">
      <dt>{t.source}</dt>
      <dd>{sentence}</dd>
      {plan.stack === "decoder" && (
        <>
          <dt>{t.translation}</dt>
          <dd>{run.translation}</dd>
        </>
      )}
    </dl>
  );
}

function TokensBody({ plan }: { plan: Plan }): JSX.Element {
  const t = words(table);
  const { run } = plan;
  const cross = plan.part === "cross";
  return (
    <>
      {plan.stack === "decoder" && (
        <Chips
          title={t.decoderInput}
          tokens={run.decoder_input}
          path="decoder.tokens"
          query={plan.query}
          keyAt={cross ? null : plan.key}
          pick={(query) => setState({ query })}
        />
      )}
      {plan.keyStack === "encoder" && (
        <Chips
          title={t.source}
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
  const t = words(table);
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
              aria-label={`${t.token} ${at} ${quoted(token)}${token.special ? `, ${t.special}` : ""}`}
              onClick={() => pick(at)}
            >
              {token.piece}
            </button>
            <Num path={path} index={[0, at]} value={token.id} label={`${t.id} ${quoted(token)}`} />
            <span class="walk-roles">
              {[at === query && t.query, at === keyAt && t.key].filter(Boolean).join(" · ")}
            </span>
          </li>
        ))}
      </ol>
    </Roving>
  );
}

function EmbeddingBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const t = words(table);
  const steps = [
    { path: `${plan.stack}.embedding`, label: t.row },
    { path: `${plan.stack}.scaled_embedding`, label: t.scaledRow },
  ];
  return <Strips plan={plan} panel={panel} at={plan.query} steps={steps} />;
}

function PositionBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const t = words(table);
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
                label={t.positionVector}
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
        steps={[{ path: `${plan.stack}.embedded`, label: t.residualSum }]}
      />
    </>
  );
}

function InputBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  const t = words(table);
  const steps = [{ path: `${plan.layerPath}.input`, label: t.inputVector }];
  if (plan.part === "cross") {
    steps.push({ path: `${plan.layerPath}.self_attention.projected`, label: t.parts.decoder });
    steps.push({ path: attentionInput(plan), label: t.residualSum });
  }
  return <Strips plan={plan} panel={panel} at={plan.query} steps={steps} />;
}

function NormBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element {
  return <NormSteps plan={plan} panel={panel} path={plan.norm} at={plan.query} />;
}
