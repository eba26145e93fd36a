/** Every step of the search: the prefixes, what may follow each, and what became of it. */

import { signal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import type { Beam, BeamContinuation, Run } from "../../core/protocol";
import { setState, state } from "../../core/state/state";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { useAnswer } from "../shared/answers";
import { Pager, page } from "../shared/pager";
import { Bar, BarCell, Pick, Piece, placeAfterKey, Section, spoken } from "../shared/parts";
import { chooseRow } from "./row";
import { table } from "./words";

const MARKS = { kept: "→", dropped: "×", finished: "■" };

/** A step beyond the end of the translation: beams may be longer than what was chosen. */
const beyond = signal<{ of: Run; row: number; step: number } | null>(null);

export function BeamPanel({ answer, row }: { answer: Run; row: number }): JSX.Element {
  const words = wordsOf(table);
  const size = state.beam.value;
  const reply = useAnswer(answer, "beam", { run: answer.request, beam_size: size }).value;
  return (
    <Section title={words.beamTitle} id="words-beam" class="words-beam">
      <p class="note">{words.beamIntro}</p>
      {answer.target_given && <p class="note warning">{words.beamGiven}</p>}
      <Pick
        label={words.beamSize}
        value={size}
        options={[1, 2, 3, 4, 5, 6, 7, 8].map((value) => ({ value, label: String(value) }))}
        choose={(value) => setState({ beam: Number(value) })}
      />
      {reply === null && <p role="status">{words.beamAsking}</p>}
      {reply instanceof Error && <p role="alert">{reply.message || words.noSearch}</p>}
      {reply && !(reply instanceof Error) && <Steps beam={reply} answer={answer} row={row} />}
    </Section>
  );
}

function Steps({ beam, answer, row }: { beam: Beam; answer: Run; row: number }): JSX.Element {
  const words = wordsOf(table);
  const of = beam.steps.length;
  const choice = beyond.value;
  const selected = Math.min(
    of - 1,
    choice && choice.of === answer && choice.row === row ? choice.step : row,
  );
  const choose = (step: number) => {
    if (step < answer.predicted.length) {
      beyond.value = null;
      chooseRow(step);
    } else beyond.value = { of: answer, row, step };
  };
  const key = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
    const next = placeAfterKey(event.key, selected, of);
    if (next === null) return;
    event.preventDefault();
    const list = event.currentTarget;
    choose(next);
    requestAnimationFrame(() => list.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
  };
  const window = page(selected, of);
  const places = Array.from(
    { length: window.stop - window.start },
    (_, place) => window.start + place,
  );
  return (
    <>
      <Pager window={window} name={words.steps} move={choose} />
      <div class="words-steps" role="tablist" aria-label={words.steps} onKeyDown={key}>
        {places.map((step) => (
          <button
            key={step}
            type="button"
            role="tab"
            id={`words-step-${step}`}
            aria-label={words.stepOf(step)}
            aria-selected={step === selected}
            aria-controls="words-step"
            tabIndex={step === selected ? 0 : -1}
            onClick={() => choose(step)}
          >
            {step}
          </button>
        ))}
      </div>
      <div id="words-step" role="tabpanel" aria-labelledby={`words-step-${selected}`}>
        <h3>{words.stepOf(selected)}</h3>
        <div class="words-prefixes">
          {beam.steps[selected]?.prefixes.map((prefix, place) => (
            <Prefix key={place} prefix={prefix} />
          ))}
        </div>
        <p class="note">{words.fateNote}</p>
      </div>
      <FinishedTexts beam={beam} />
    </>
  );
}

function Prefix({ prefix }: { prefix: Beam["steps"][number]["prefixes"][number] }): JSX.Element {
  const words = wordsOf(table);
  const text = spoken(prefix.pieces);
  return (
    <section class="words-prefix">
      <h4>
        {text ? `“${text}”` : <em>{words.emptyPrefix}</em>}
        <small>
          {words.prefixScore} {format(prefix.log_probability)}
        </small>
      </h4>
      <table class="numbers many-bars">
        <thead>
          <tr>
            <th scope="col">{words.word}</th>
            <th scope="col">
              {words.probability} <small>0–1</small>
            </th>
            <th scope="col" title={words.totalLong}>
              {words.total}
            </th>
            <th scope="col">{words.fate}</th>
          </tr>
        </thead>
        <tbody>
          {prefix.continuations.map((one) => (
            <Continuation key={one.token.id} one={one} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Continuation({ one }: { one: BeamContinuation }): JSX.Element {
  const words = wordsOf(table);
  return (
    <tr class={`words-${one.fate}`}>
      <th scope="row">
        <Piece token={one.token} special={words.special} />
      </th>
      <BarCell bar={<Bar share={one.probability} />} name="probability">
        {format(one.probability)}
      </BarCell>
      <td class="figure">{format(one.total)}</td>
      <td class="words-fate">
        <span aria-hidden="true">{MARKS[one.fate]}</span> {words.fates[one.fate]}
      </td>
    </tr>
  );
}

function FinishedTexts({ beam }: { beam: Beam }): JSX.Element {
  const words = wordsOf(table);
  return (
    <>
      <h3>{words.finishedTitle}</h3>
      <div class="table-scroll">
        <table class="numbers words-finished-table">
          <thead>
            <tr>
              <th scope="col">{words.translation}</th>
              <th scope="col">{words.prefixScore}</th>
              <th scope="col">{words.score}</th>
            </tr>
          </thead>
          <tbody>
            {beam.finished.map((one, place) => (
              <tr key={place} class={one.chosen ? "words-taken" : undefined}>
                <th scope="row">
                  {one.translation}
                  {one.chosen && <span class="mark">✓ {words.chosen}</span>}
                </th>
                <td class="figure">{format(one.log_probability)}</td>
                <td class="figure">{format(one.score)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="note">{words.scoreNote}</p>
    </>
  );
}
