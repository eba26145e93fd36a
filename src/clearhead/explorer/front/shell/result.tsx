/** What the model made of the text, and which sentence of a long text is walked. */

import type { JSX } from "preact";
import type { Run } from "../core/protocol";
import { asking, failure, kind, languageOf, model, run, setState } from "../core/state/state";
import { shownTranslation } from "../core/state/text";
import { format } from "../core/text/format";
import { language, lookUp, wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import { Limits } from "../views/opening";
import { Register } from "./register";

export function Translation(): JSX.Element {
  const words = wordsOf(table);
  const answer = run.value;
  const to = languageOf("target");
  // After an error the last translation is that of another text.
  const failed = failure.value !== null && !asking.value;
  const predictsWords = model.value?.abilities.includes("next_words") ?? true;
  if (!predictsWords) return <Unpredicted />;
  return (
    <div class="translation">
      <h2>{to ? words.translation(nameOf(to)) : otherHeading()}</h2>
      <p class="translated" lang={to} aria-live="polite" data-stale={asking.value || undefined}>
        {failed ? (
          <span class="soft">{words.nothingYet[kind.value]}</span>
        ) : (
          ((answer && <Result answer={answer} />) ?? (
            <span class="soft">
              {asking.value ? `${words.busy} …` : words.nothingYet[kind.value]}
            </span>
          ))
        )}
      </p>
      {kind.value === "encoder" && model.value?.mask && (
        <p class="soft">{words.hideWords(model.value.mask)}</p>
      )}
      {answer && !failed && <Whole />}
      {answer && !failed && <Register />}
      {answer && !failed && <Limits />}
      {answer && !failed && <About />}
      {answer && <SentencePicker />}
    </div>
  );
}

function otherHeading(): string {
  return kind.value === "translation" ? "" : wordsOf(table).results[kind.value];
}

/** Of a model that predicts no words there is no text to show. */
function Unpredicted(): JSX.Element {
  return (
    <div class="translation">
      <p>{wordsOf(table).noWordsPredicted}</p>
      {run.value && <About />}
    </div>
  );
}

/** What the model made of the text; a continuation stands behind its prompt. */
function Result({ answer }: { answer: Run }): JSX.Element {
  if (kind.value !== "generation") return <>{shownTranslation(answer)}</>;
  return (
    <>
      <span class="prompt">{answer.text}</span>
      <mark>{answer.translation}</mark>
    </>
  );
}

/** The whole text, translated, where it is more than one sentence: others, or marks around it. The
 * sentence that is walked is marked. */
function Whole(): JSX.Element | null {
  const words = wordsOf(table);
  const answer = run.value;
  if (!answer || answer.sentences.length < 2) return null;
  return (
    <p class="whole" role="group" lang={languageOf("target")} aria-label={words.whole}>
      {answer.sentences.map((piece, number) =>
        number === answer.sentence ? (
          <mark key={number}>{piece.translation}</mark>
        ) : (
          (piece.translation ?? piece.text)
        ),
      )}
    </p>
  );
}

/** What the rules around the model did to the sentence that is walked. */
function Rules({ answer }: { answer: Run }): JSX.Element | null {
  const words = wordsOf(table);
  const piece = answer.sentences[answer.sentence];
  if (!piece?.rules?.length) return null;
  return (
    <p class="rules">
      {words.modelReads} <q lang={languageOf("source")}>{piece.read}</q>{" "}
      <span class="soft">
        ({piece.rules.map(({ rule }) => lookUp(words.rules, rule) ?? rule).join(", ")})
      </span>
    </p>
  );
}

function About(): JSX.Element | null {
  const words = wordsOf(table);
  const answer = run.value;
  if (!answer) return null;
  const seconds =
    (answer.seconds.translate ?? 0) + (answer.seconds.trace ?? 0) + (answer.seconds.check ?? 0);
  return (
    <div class="about">
      {answer.target_given && <p>{words.targetGiven[kind.value]}</p>}
      {answer.baseline && (
        <p>
          {words.editedNow(answer.request.edits?.length ?? 0, answer.translation !== null)}{" "}
          <span lang={languageOf("target")}>{answer.baseline.translation}</span>{" "}
          <button type="button" class="link" onClick={() => setState({ edits: [] })}>
            {words.undoEdits}
          </button>
        </p>
      )}
      {answer.notes?.map((note) =>
        note.kind === "language" ? null : (
          <p key={note.kind === "unreached" ? note.edit : note.kind}>
            {note.kind === "unreached" ? (
              words.notes.unreached(note.edit + 1)
            ) : (
              <>
                {words.notes.protected} <q lang={languageOf("target")}>{note.translation}</q>
              </>
            )}
          </p>
        ),
      )}
      <Rules answer={answer} />
      <p class="soft">
        {answer.log_probability !== null &&
          `${words.logProbability} ${format(answer.log_probability)} · `}
        {words.seconds} {`${format(seconds, 2)}\u00a0s`}
      </p>
    </div>
  );
}

function SentencePicker(): JSX.Element | null {
  const words = wordsOf(table);
  const answer = run.value;
  // What stands between sentences (spaces, addresses) is no sentence, but counts as a piece.
  const sentences =
    answer?.sentences.flatMap(({ text, translated }, piece) =>
      translated ? [{ text, piece }] : [],
    ) ?? [];
  if (!answer || sentences.length < 2) return null;
  const choose = (sentence: number): void =>
    setState({ sentence, edits: [], target: null, key: null, position: null, query: 0 });
  return (
    <div class="sentence-picker">
      <label for="which-sentence">{words.sentences}</label>
      <select
        id="which-sentence"
        value={answer.sentence}
        onChange={(event) => choose(Number(event.currentTarget.value))}
      >
        {sentences.map(({ text, piece }, place) => (
          <option key={piece} value={piece}>
            {`${words.sentenceOf(place + 1, sentences.length)}: ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A language by its code, in the language of the page. */
export function nameOf(code: string): string {
  try {
    return new Intl.DisplayNames([language.value], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
