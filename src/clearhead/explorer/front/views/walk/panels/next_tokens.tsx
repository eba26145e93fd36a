/** The next token, or the label of a text: the logit and the probability of each of the ten likeliest. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { LikelyLabel, Token } from "../../../core/protocol";
import { labels, predictingTokens, setState, stepAt } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { weightColour } from "../../../draw/colours";
import { shownTheme } from "../../../draw/theme";
import { Num } from "../../../where_from/number";
import { fixed } from "../parts/key_table";
import { Loaded, type Needs, type Slice } from "../parts/loaded";
import { Roving } from "../parts/roving";
import { has, numberIn, one, type Plan, quoted, rowOf } from "../plan";
import { Strip } from "../vectors/strips";
import { table } from "../words";

interface PanelProps {
  plan: Plan;
  panel: string;
}

/** The tokens, or labels, that the panels list: the ten likeliest, and the one taken. */
function candidates(plan: Plan): Token[] {
  if (plan.run.labels) return likeliestLabels(plan.run.labels);
  const next = plan.run.next[plan.position];
  if (!next) return [];
  const ten = next.likeliest.map(({ token }) => token);
  return ten.some(({ id }) => id === next.taken.token.id) ? ten : [...ten, next.taken.token];
}

const MOST_LABELS = 10;

function likeliestLabels(all: LikelyLabel[]): Token[] {
  return all
    .map(({ label, probability }, id) => ({ id, piece: label, special: false, probability }))
    .sort((one, other) => other.probability - one.probability)
    .slice(0, MOST_LABELS);
}

function logitNeed(plan: Plan, path: string, token: number): [string, [number, number][]] {
  return [path, [[0, 1], one(plan.position), one(token)]];
}

function PositionNote({ plan }: { plan: Plan }): JSX.Element {
  const words = wordsOf(table);
  const inputs = predictingTokens(plan.run);
  return (
    <p class="walk-note">
      {words.panels.logits.at[predictingStack()](quoted(inputs[plan.position]), plan.position)}
      {!plan.own && (
        <label class="walk-inline">
          {words.position}{" "}
          <select
            value={plan.position}
            onChange={(event) => setState({ position: Number(event.currentTarget.value) })}
          >
            {inputs.map((token, at) => (
              <option key={at} value={at}>{`${at}: ${token.piece}`}</option>
            ))}
          </select>
        </label>
      )}
    </p>
  );
}

export function LogitsBody({ plan, panel }: PanelProps): JSX.Element | null {
  const words = wordsOf(table);
  const { logits } = words.panels;
  const all = candidates(plan);
  const [selectedId, setSelectedId] = useState<number | null>(null);
  const token = all.find(({ id }) => id === selectedId) ?? all[0];
  if (!token) return null;
  const needs: Needs = Object.fromEntries(
    all.map(({ id }, place) => [place, logitNeed(plan, "logits", id)]),
  );
  return (
    <>
      <PositionNote plan={plan} />
      <LogitVectors plan={plan} panel={`${panel}-vectors`} token={token} />
      <Loaded key={all.length} panel={panel} needs={needs}>
        {(slices) => (
          <Roving label={logits.choose} class="walk-table">
            <table aria-label={logits.title}>
              <thead>
                <tr>
                  <th scope="col">{labels.value ? words.labelName : words.token}</th>
                  <th scope="col" class="number">
                    {words.id}
                  </th>
                  <th scope="col" class="number">
                    {words.logit}
                  </th>
                </tr>
              </thead>
              <tbody>
                {all.map((each, place) => (
                  <LogitRow
                    key={each.id}
                    plan={plan}
                    token={each}
                    slice={slices[place]!}
                    selected={each.id === token.id}
                    select={setSelectedId}
                  />
                ))}
              </tbody>
            </table>
          </Roving>
        )}
      </Loaded>
    </>
  );
}

/** The stack whose output predicts words: an encoder's where there is no decoder. */
export function predictingStack(): "encoder" | "decoder" {
  return has("decoder.tokens") ? "decoder" : "encoder";
}

/** What is predicted: a label, or words, by which stack. */
export function predicting(): "encoder" | "decoder" | "label" {
  return labels.value ? "label" : predictingStack();
}

/** The step whose numbers are dot products with the rows of the output matrix. */
function products(): string {
  return has("uncapped_logits") ? "uncapped_logits" : "logits";
}

/** The two vectors whose dot product is the logit of a token. */
function LogitVectors({ plan, panel, token }: PanelProps & { token: Token }): JSX.Element | null {
  const { logits } = wordsOf(table).panels;
  const step = stepAt(products());
  const matrix = step?.derivations
    .flatMap(({ operands }) => operands)
    .find((operand) => "path" in operand && operand.path.startsWith("weights/"));
  const vectorPath = step?.of[0];
  if (!vectorPath || !matrix || !("path" in matrix)) return null;
  return (
    <Loaded
      key={vectorPath}
      panel={panel}
      needs={{
        vector: [vectorPath, rowOf(plan.position, plan.width)],
        row: [matrix.path, [one(token.id), [0, plan.width]]],
      }}
    >
      {({ vector, row }) => (
        <div class="walk-strips">
          <Strip
            slice={vector}
            label={logits.vector[predictingStack()]}
            width={plan.width}
            index={(c) => [0, plan.position, c]}
          />
          <Strip
            slice={row}
            label={logits.rowOf(quoted(token))}
            width={plan.width}
            index={(c) => [token.id, c]}
          />
        </div>
      )}
    </Loaded>
  );
}

interface TokenRowProps {
  plan: Plan;
  token: Token;
  slice: Slice;
}

interface LogitRowProps extends TokenRowProps {
  selected: boolean;
  select: (id: number) => void;
}

function LogitRow({ plan, token, slice, selected, select }: LogitRowProps): JSX.Element {
  const words = wordsOf(table);
  const index = [0, plan.position, token.id];
  const value = slice.at(...index);
  return (
    <tr class={selected ? "chosen" : undefined}>
      <th scope="row">
        <button
          type="button"
          class={token.special ? "walk-key special" : "walk-key"}
          aria-pressed={selected}
          onClick={() => select(token.id)}
        >
          {token.piece}
        </button>
      </th>
      <td class="number walk-id">{token.id}</td>
      <td class="number">
        <Num
          path="logits"
          index={index}
          value={value}
          digits={fixed(value, 3)}
          label={`${words.logit}, ${quoted(token)}`}
        />
      </td>
    </tr>
  );
}

export function WordsBody({ plan, panel }: PanelProps): JSX.Element | null {
  const words = wordsOf(table);
  const next = plan.run.next[plan.position];
  const all = candidates(plan);
  if (!all.length) return null;
  const { title } = words.panels.words;
  const name = predicting() === "label" ? words.labelsTitle : title;
  const needs: Needs = Object.fromEntries(
    all.map(({ id }, place) => [place, logitNeed(plan, "probabilities", id)]),
  );
  const vocabulary = numberIn(plan.config, "vocab_size", 0).toLocaleString(words.locale);
  return (
    <>
      <PositionNote plan={plan} />
      <Loaded key={all.length} panel={panel} needs={needs}>
        {(slices) => (
          <Roving label={name} class="walk-table walk-words">
            <table aria-label={name}>
              <thead>
                <tr>
                  <th scope="col" class="number">
                    {words.rank}
                  </th>
                  <th scope="col">{next ? words.token : words.labelName}</th>
                  <th scope="col" class="number">
                    {words.probability}
                  </th>
                  <td />
                  <td />
                </tr>
              </thead>
              <tbody>
                {all.map((token, place) => (
                  <WordRow
                    key={token.id}
                    plan={plan}
                    token={token}
                    slice={slices[place]!}
                    rank={next && place >= next.likeliest.length ? next.taken.rank : place + 1}
                    isTaken={next ? token.id === next.taken.token.id : place === 0}
                  />
                ))}
              </tbody>
            </table>
          </Roving>
        )}
      </Loaded>
      {next && <p class="walk-note">{words.ofVocabulary(next.likeliest.length, vocabulary)}</p>}
    </>
  );
}

interface WordRowProps extends TokenRowProps {
  rank: number;
  isTaken: boolean;
}

function WordRow({ plan, token, slice, rank, isTaken }: WordRowProps): JSX.Element {
  const words = wordsOf(table);
  const index = [0, plan.position, token.id];
  const value = slice.at(...index);
  return (
    <tr class={isTaken ? "taken" : undefined}>
      <td class="number">{rank}</td>
      <th scope="row">
        <span class={token.special ? "walk-piece special" : "walk-piece"}>{token.piece}</span>
      </th>
      <td class="number">
        <Num
          path="probabilities"
          index={index}
          value={value}
          digits={fixed(value, 4)}
          label={`${words.probability}, ${quoted(token)}`}
        />
      </td>
      <td class="walk-long">
        <span class="walk-bar" aria-hidden="true">
          <span
            style={{
              width: `${100 * value}%`,
              background: weightColour(value, shownTheme.value),
            }}
          />
        </span>
      </td>
      <td>{isTaken ? words.taken[predicting()] : ""}</td>
    </tr>
  );
}
