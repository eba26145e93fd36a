/** From the text to the input of the attention: tokens, embedding, position, norm. */

import type { JSX } from "preact";
import { words } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import type { Token } from "../../../core/protocol";
import { setState } from "../../../core/state/state";
import { scoreMax } from "../../../draw/colours";
import { Loaded, type Needs, type Slice } from "../parts/loaded";
import type { PanelSpec } from "../panel";
import { attentionInput, has, one, quoted, rowOf, type Plan } from "../plan";
import { Roving } from "../parts/roving";
import { Vectors } from "../parts/vectors";
import { table, type Words } from "../words";

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

export function normFormula(norm: unknown): string {
  return norm === "rms" ? "y = x / √(mean(x^2) + ε) · γ" : "y = (x − μ) / √(σ^2 + ε) · γ + β";
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

/** A vector of the query's token under its caption. */
export function Strip({
  slice,
  label,
  index,
  width,
  span,
  max,
}: {
  slice: Slice;
  label: string;
  index: (component: number) => number[];
  width: number;
  span?: [number, number];
  max?: number;
}): JSX.Element {
  return (
    <Vectors
      label={label}
      from={slice}
      columns={width}
      index={(_, column) => index(column)}
      max={max ?? scoreMax(slice.values)}
      sameScale={max !== undefined}
      {...(span && { span })}
    />
  );
}

/** Several vectors of one position, each a step of the trace with the axes batch, length, width. */
export function Strips({
  plan,
  panel,
  at,
  steps,
}: {
  plan: Plan;
  panel: string;
  at: number;
  steps: { path: string; label: string; width?: number; span?: [number, number] }[];
}): JSX.Element {
  const present = steps.filter((step) => has(step.path));
  const needs: Needs = Object.fromEntries(
    present.map(({ path, width = plan.width }) => [path, [path, rowOf(at, width)]]),
  );
  return (
    <Loaded key={present.map(({ path }) => path).join()} panel={panel} needs={needs}>
      {(slices) => (
        <div class="walk-strips">
          {present.map(({ path, label, width = plan.width, span }) => {
            const slice = slices[path]!;
            const place = slice.array.window[1]?.[0] ?? at;
            return (
              <Strip
                key={path}
                slice={slice}
                label={label}
                width={width}
                index={(c) => [0, place, c]}
                {...(span && { span })}
              />
            );
          })}
        </div>
      )}
    </Loaded>
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

/** Every step of a norm at one position. */
export function NormSteps({
  plan,
  panel,
  path,
  at,
}: {
  plan: Plan;
  panel: string;
  path: string;
  at: number;
}): JSX.Element {
  const t = words(table);
  const moments: [string, string][] = [
    ["mean", t.mean],
    ["variance", t.variance],
    ["mean_square", t.meanSquare],
  ];
  const present = moments.filter(([name]) => has(`${path}.${name}`));
  const needs: Needs = Object.fromEntries(
    present.map(([name]) => [name, [`${path}.${name}`, rowOf(at, 1)]]),
  );
  return (
    <>
      <Loaded key={path} panel={`${panel}-moments`} needs={needs}>
        {(slices) => (
          <dl class="walk-moments">
            {present.map(([name, label]) => {
              const slice = slices[name]!;
              const index = [0, slice.array.window[1]?.[0] ?? at, 0];
              return (
                <div key={name}>
                  <dt>{label}</dt>
                  <dd>
                    <Num path={slice.path} index={index} value={slice.at(...index)} label={label} />
                  </dd>
                </div>
              );
            })}
          </dl>
        )}
      </Loaded>
      <Strips
        plan={plan}
        panel={panel}
        at={at}
        steps={[
          { path: `${path}.normalized`, label: t.normalized },
          { path: `${path}.output`, label: t.outputVector },
        ]}
      />
    </>
  );
}

export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}
