/** From the last layer to words: the stack's output, logits, and the ten likeliest. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { NextTokens, Token } from "../../../core/protocol";
import { setState } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { weightColour } from "../../../draw/colours";
import { shownTheme } from "../../../draw/theme";
import { Num } from "../../../where_from/number";
import type { PanelSpec } from "../panel";
import { fixed } from "../parts/key_table";
import { Loaded, type Needs } from "../parts/loaded";
import { Roving } from "../parts/roving";
import { has, notation, numberIn, one, type Plan, quoted, rowOf } from "../plan";
import { Strip, Strips } from "../vectors/strips";
import { table, type Words } from "../words";
import { NormSteps } from "./norm";

export function ending(plan: Plan, words: Words): PanelSpec[] {
  const { final, logits, words: nextWords } = words.panels;
  const vocabulary = numberIn(plan.config, "vocab_size", 0).toLocaleString(words.locale);
  const follow = plan.layer + 1 < plan.layers ? final.layers(plan.layer + 1, plan.layers - 1) : "";
  return [
    {
      id: "final",
      title: final.title,
      sentence: follow + final[plan.stack],
      formula: notation(`${plan.stack}.norm.output`),
      body: FinalBody,
    },
    {
      id: "logits",
      title: logits.title,
      sentence: logits.sentence(vocabulary),
      formula: notation("logits"),
      steps: ["logits"],
      body: LogitsBody,
    },
    {
      id: "words",
      title: nextWords.title,
      sentence: nextWords.sentence,
      formula: notation("probabilities"),
      body: WordsBody,
    },
  ];
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

/** The tokens that are spoken of: the ten likeliest, and the one taken where it is not of them. */
function candidates(next: NextTokens | undefined): Token[] {
  if (!next) return [];
  const ten = next.likeliest.map(({ token }) => token);
  return ten.some(({ id }) => id === next.taken.token.id) ? ten : [...ten, next.taken.token];
}

function logitNeed(plan: Plan, path: string, token: number): [string, [number, number][]] {
  return [path, [[0, 1], one(plan.position), one(token)]];
}

function PositionNote({ plan }: { plan: Plan }): JSX.Element {
  const words = wordsOf(table);
  const inputs = plan.run.decoder_input;
  return (
    <p class="walk-note">
      {words.panels.logits.at(quoted(inputs[plan.position]), plan.position)}
      {plan.stack === "encoder" && (
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

function LogitsBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element | null {
  const words = wordsOf(table);
  const { logits } = words.panels;
  const all = candidates(plan.run.next[plan.position]);
  const [selectedId, setSelectedId] = useState<number | null>(null);
  const token = all.find(({ id }) => id === selectedId) ?? all[0];
  const matrix = plan.config.tied_embeddings ? "weights/embedding.weight" : "weights/output.weight";
  if (!token) return null;
  const needs: Needs = Object.fromEntries(
    all.map(({ id }, place) => [place, logitNeed(plan, "logits", id)]),
  );
  return (
    <>
      <PositionNote plan={plan} />
      <Loaded
        panel={`${panel}-vectors`}
        needs={{
          vector: ["decoder.output", rowOf(plan.position, plan.width)],
          row: [matrix, [one(token.id), [0, plan.width]]],
        }}
      >
        {({ vector, row }) => (
          <div class="walk-strips">
            <Strip
              slice={vector}
              label={logits.vector}
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
      <Loaded key={all.length} panel={panel} needs={needs}>
        {(slices) => (
          <Roving label={logits.choose} class="walk-table">
            <table aria-label={logits.title}>
              <thead>
                <tr>
                  <th scope="col">{words.token}</th>
                  <th scope="col" class="number">
                    {words.id}
                  </th>
                  <th scope="col" class="number">
                    {words.logit}
                  </th>
                </tr>
              </thead>
              <tbody>
                {all.map((each, place) => {
                  const index = [0, plan.position, each.id];
                  const value = slices[place]!.at(...index);
                  return (
                    <tr key={each.id} class={each.id === token.id ? "chosen" : undefined}>
                      <th scope="row">
                        <button
                          type="button"
                          class={each.special ? "walk-key special" : "walk-key"}
                          aria-pressed={each.id === token.id}
                          onClick={() => setSelectedId(each.id)}
                        >
                          {each.piece}
                        </button>
                      </th>
                      <td class="number walk-id">{each.id}</td>
                      <td class="number">
                        <Num
                          path="logits"
                          index={index}
                          value={value}
                          digits={fixed(value, 3)}
                          label={`${words.logit}, ${quoted(each)}`}
                        />
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </Roving>
        )}
      </Loaded>
    </>
  );
}

function WordsBody({ plan, panel }: { plan: Plan; panel: string }): JSX.Element | null {
  const words = wordsOf(table);
  const next = plan.run.next[plan.position];
  const all = candidates(next);
  if (!next) return null;
  const needs: Needs = Object.fromEntries(
    all.map(({ id }, place) => [place, logitNeed(plan, "probabilities", id)]),
  );
  const vocabulary = numberIn(plan.config, "vocab_size", 0).toLocaleString(words.locale);
  return (
    <>
      <PositionNote plan={plan} />
      <Loaded key={all.length} panel={panel} needs={needs}>
        {(slices) => (
          <Roving label={words.panels.words.title} class="walk-table walk-words">
            <table aria-label={words.panels.words.title}>
              <thead>
                <tr>
                  <th scope="col" class="number">
                    {words.rank}
                  </th>
                  <th scope="col">{words.token}</th>
                  <th scope="col" class="number">
                    {words.probability}
                  </th>
                  <td />
                  <td />
                </tr>
              </thead>
              <tbody>
                {all.map((token, place) => {
                  const isTaken = token.id === next.taken.token.id;
                  const index = [0, plan.position, token.id];
                  const value = slices[place]!.at(...index);
                  return (
                    <tr key={token.id} class={isTaken ? "taken" : undefined}>
                      <td class="number">
                        {place < next.likeliest.length ? place + 1 : next.taken.rank}
                      </td>
                      <th scope="row">
                        <span class={token.special ? "walk-piece special" : "walk-piece"}>
                          {token.piece}
                        </span>
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
                      <td>{isTaken ? words.taken : ""}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </Roving>
        )}
      </Loaded>
      <p class="walk-note">{words.ofVocabulary(next.likeliest.length, vocabulary)}</p>
    </>
  );
}
