/** Every step of the search: the prefixes, what may follow each, and what became of it. */

import { signal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import type { Beam, BeamContinuation, Run } from "../../core/protocol";
import { setState, state } from "../../core/state/state";
import { format } from "../../core/text/format";
import { words } from "../../core/text/i18n";
import { useAnswer } from "../shared/answers";
import { Pager, page } from "../shared/pager";
import { Bar, BarCell, moved, Panel, Pick, Piece, spoken } from "../shared/parts";
import { chooseRow } from "./row";
import { text } from "./words";

const MARKS = { kept: "→", dropped: "×", finished: "■" };

/** A step beyond the end of the translation: beams may be longer than what was chosen. */
const beyond = signal<{ of: Run; row: number; step: number } | null>(null);

export function BeamPanel({ answer, row }: { answer: Run; row: number }): JSX.Element {
  const t = words(text);
  const size = state.beam.value;
  const asked = useAnswer(answer, "beam", { run: answer.request, beam_size: size }).value;
  return (
    <Panel title={t.beamTitle} id="words-beam" class="words-beam">
      <p class="note">{t.beamIntro}</p>
      {answer.target_given && <p class="note warning">{t.beamGiven}</p>}
      <Pick
        label={t.beamSize}
        value={size}
        options={[1, 2, 3, 4, 5, 6, 7, 8].map((value) => ({ value, label: String(value) }))}
        choose={(value) => setState({ beam: Number(value) })}
      />
      {asked === null && <p role="status">{t.beamAsking}</p>}
      {asked instanceof Error && <p role="alert">{asked.message || t.noEffort}</p>}
      {asked && !(asked instanceof Error) && <Steps beam={asked} answer={answer} row={row} />}
    </Panel>
  );
}

function Steps({ beam, answer, row }: { beam: Beam; answer: Run; row: number }): JSX.Element {
  const t = words(text);
  const of = beam.steps.length;
  const past = beyond.value;
  const chosen = Math.min(of - 1, past && past.of === answer && past.row === row ? past.step : row);
  const choose = (step: number) => {
    if (step < answer.predicted.length) {
      beyond.value = null;
      chooseRow(step);
    } else beyond.value = { of: answer, row, step };
  };
  const key = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
    const next = moved(event.key, chosen, of);
    if (next === null) return;
    event.preventDefault();
    const list = event.currentTarget;
    choose(next);
    requestAnimationFrame(() => list.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
  };
  const window = page(chosen, of);
  const places = Array.from(
    { length: window.stop - window.start },
    (_, place) => window.start + place,
  );
  return (
    <>
      <Pager window={window} name={t.steps} move={choose} />
      <div class="words-steps" role="tablist" aria-label={t.steps} onKeyDown={key}>
        {places.map((step) => (
          <button
            key={step}
            type="button"
            role="tab"
            id={`words-step-${step}`}
            aria-label={t.stepOf(step)}
            aria-selected={step === chosen}
            aria-controls="words-step"
            tabIndex={step === chosen ? 0 : -1}
            onClick={() => choose(step)}
          >
            {step}
          </button>
        ))}
      </div>
      <div id="words-step" role="tabpanel" aria-labelledby={`words-step-${chosen}`}>
        <h3>{t.stepOf(chosen)}</h3>
        <div class="words-prefixes">
          {beam.steps[chosen]?.prefixes.map((prefix, place) => (
            <Prefix key={place} prefix={prefix} />
          ))}
        </div>
        <p class="note">{t.fateNote}</p>
      </div>
      <Finished beam={beam} />
    </>
  );
}

function Prefix({ prefix }: { prefix: Beam["steps"][number]["prefixes"][number] }): JSX.Element {
  const t = words(text);
  const said = spoken(prefix.pieces);
  return (
    <section class="words-prefix">
      <h4>
        {said ? `“${said}”` : <em>{t.emptyPrefix}</em>}
        <small>
          {t.prefixScore} {format(prefix.log_probability)}
        </small>
      </h4>
      <table class="numbers many-bars">
        <thead>
          <tr>
            <th scope="col">{t.word}</th>
            <th scope="col">
              {t.probability} <small>0–1</small>
            </th>
            <th scope="col" title={t.totalLong}>
              {t.total}
            </th>
            <th scope="col">{t.fate}</th>
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
  const t = words(text);
  return (
    <tr class={`words-${one.fate}`}>
      <th scope="row">
        <Piece token={one.token} special={t.special} />
      </th>
      <BarCell bar={<Bar share={one.probability} />} name="probability">
        {format(one.probability)}
      </BarCell>
      <td class="figure">{format(one.total)}</td>
      <td class="words-fate">
        <span aria-hidden="true">{MARKS[one.fate]}</span> {t.fates[one.fate]}
      </td>
    </tr>
  );
}

function Finished({ beam }: { beam: Beam }): JSX.Element {
  const t = words(text);
  return (
    <>
      <h3>{t.finishedTitle}</h3>
      <div class="table-scroll">
        <table class="numbers words-finished-table">
          <thead>
            <tr>
              <th scope="col">{t.translation}</th>
              <th scope="col">{t.prefixScore}</th>
              <th scope="col">{t.score}</th>
            </tr>
          </thead>
          <tbody>
            {beam.finished.map((one, place) => (
              <tr key={place} class={one.chosen ? "words-taken" : undefined}>
                <th scope="row">
                  {one.translation}
                  {one.chosen && <span class="mark">✓ {t.chosen}</span>}
                </th>
                <td class="figure">{format(one.log_probability)}</td>
                <td class="figure">{format(one.score)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="note">{t.scoreNote}</p>
    </>
  );
}
