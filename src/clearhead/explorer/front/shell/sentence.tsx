/** The text, what the model makes of it, and which sentence of a long text is walked. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { retry } from "../core/state/running";
import {
  asking,
  failure,
  kind,
  languageOf,
  model,
  run,
  setState,
  source,
  state,
} from "../core/state/state";
import { countText } from "../core/text/format";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import { examplesOf } from "./examples";
import { nameOf, Translation } from "./result/result";

export function SentenceBox(): JSX.Element | null {
  const description = model.value;
  if (description?.kind === "sweep") return null;
  if (description?.kind === "recording") return <RecordedText />;
  return (
    <section class="sentence-box">
      <Sentence />
      <Translation />
    </section>
  );
}

function Sentence(): JSX.Element {
  const words = wordsOf(table);
  const draft = useSignal(state.text.value);
  const problem = useSignal<string | null>(null);
  const text = state.text.value;
  useEffect(() => {
    draft.value = text;
    problem.value = null;
  }, [text]);
  const submit = (event?: Event): void => {
    event?.preventDefault();
    const text = draft.value.trim();
    problem.value = text && lengthOf(text) <= mostCharacters() ? null : text;
    if (problem.value === null) translate(text);
  };
  const from = languageOf("source");
  return (
    <form class="sentence" onSubmit={submit}>
      <label for="sentence">{from ? words.sentence(nameOf(from)) : words.texts[kind.value]}</label>
      <textarea
        id="sentence"
        rows={2}
        spellcheck={false}
        lang={from}
        placeholder={words.placeholders[kind.value]}
        aria-invalid={problem.value !== null || undefined}
        aria-describedby={problem.value === null ? undefined : "sentence-refused"}
        value={draft.value}
        onInput={(event) => {
          draft.value = event.currentTarget.value;
          problem.value = null;
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
        }}
      />
      <p
        id="sentence-refused"
        class={problem.value === null ? "refused none" : "refused"}
        role="alert"
      >
        {problem.value === null ? "" : refusal(problem.value)}
      </p>
      <div class="under">
        <Examples />
        {kind.value === "generation" && <TokenCount />}
        <button type="submit" class="primary">
          {words.submit[kind.value]}
        </button>
      </div>
    </form>
  );
}

/** As Python counts: an emoji is one character. */
function lengthOf(text: string): number {
  return [...text].length;
}

function mostCharacters(): number {
  return model.value?.limits.characters ?? Infinity;
}

/** What is wrong with a text that is not asked about: nothing is cut off it in silence. */
function refusal(text: string): string {
  const words = wordsOf(table);
  return text
    ? words.tooLong(countText(mostCharacters()), countText(lengthOf(text)))
    : words.emptyText;
}

function translate(text: string): void {
  const failed = failure.peek() !== null;
  // Edits, and a given translation, speak of the tokens of the text they were made for.
  if (failed || text !== state.text.peek())
    setState({ text, sentence: 0, edits: [], target: null, key: null, position: null, query: 0 });
  if (failed && !asking.peek()) retry();
}

/** How many tokens continue a prompt. */
function TokenCount(): JSX.Element {
  const words = wordsOf(table);
  return (
    <label class="token-count" title={words.tokensLong}>
      {words.tokens}
      <input
        type="number"
        min={0}
        max={256}
        value={state.tokens.value}
        onChange={(event) => {
          const tokens = event.currentTarget.valueAsNumber;
          if (Number.isInteger(tokens) && tokens >= 0 && tokens <= 256) setState({ tokens });
          else event.currentTarget.value = String(state.tokens.peek());
        }}
      />
    </label>
  );
}

function Examples(): JSX.Element {
  const words = wordsOf(table);
  const examples = model.value ? examplesOf(model.value) : [];
  if (!examples.length || source.value.place === "offline") return <span />;
  return (
    <div class="examples" role="group" aria-label={words.examples}>
      {examples.map((text) => (
        <button
          type="button"
          key={text}
          lang="en"
          aria-pressed={state.text.value === text}
          onClick={() => translate(text)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

function RecordedText(): JSX.Element | null {
  const pieces = run.value?.source;
  if (!pieces?.length) return null;
  return (
    <section class="sentence-box">
      <p class="recorded">{pieces.map(({ piece }) => piece).join(" ")}</p>
    </section>
  );
}
