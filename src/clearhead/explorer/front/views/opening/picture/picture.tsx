/** The opening picture with what is said about it: the word that is looked at, and its number. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Alignment, Discovery, Run, Word } from "../../../core/protocol";
import { at, useArray } from "../../../core/state/arrays";
import { kind, languageOf, run, setState } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import { visible } from "../../shared/parts";
import { Explained } from "../terms/explained";
import { table } from "../words";
import { type Chosen, Ribbons } from "./ribbons";
import { useForExport } from "./slide";

interface PictureProps {
  answer: Run;
  alignment: Alignment;
  discovery: Discovery | null;
}

export function Picture({ answer, alignment, discovery }: PictureProps): JSX.Element {
  const words = wordsOf(table);
  const looked = useSignal<Chosen | null>(null);
  const pinned = useSignal<Chosen | null>(null);
  const { keys, queries, weights } = alignment;
  const within = (word: Chosen | null): Chosen | null =>
    word && (word.side === "key" ? keys : queries)[word.at] ? word : null;
  const current = within(looked.value) ?? within(pinned.value);
  const hidden = (place: number): boolean => isHidden(keys[place], discovery);
  useForExport({ answer, alignment, current, caption: readingOf(alignment, current), hidden });
  const press = (word: Chosen): void => {
    pinned.value = word;
    const query = queries[word.side === "query" ? word.at : strongest(column(weights, word.at))];
    if (query) lockHead(alignment, query);
  };
  return (
    <div class="opening-picture">
      <Ribbons
        keys={keys.map(({ text }) => text)}
        queries={queries.map(({ text }) => text)}
        weights={weights}
        languages={{ keys: languageOf("source"), queries: languageOf("target") }}
        labels={{ keys: words.keys[kind.value], queries: words.queries[kind.value] }}
        describe={(word) => sentenceOf(alignment, word)}
        strong={alignment.crossing ?? []}
        hidden={hidden}
        current={current}
        look={(word) => (looked.value = word)}
        press={press}
      />
      <Reading answer={answer} alignment={alignment} current={current} />
      <HeadNote alignment={alignment} />
    </div>
  );
}

function isHidden(word: Word | undefined, discovery: Discovery | null): boolean {
  const own = discovery?.word;
  return own !== undefined && own.start === word?.start;
}

/** The views below follow the word that was pressed. */
function lockHead({ part, heads }: Alignment, query: Word): void {
  const [best] = heads;
  if (best) setState({ part, layer: best.layer, head: best.head, query: query.start, key: null });
}

/** The word that is looked at, what it drew on, and the largest weight as a number that answers.
 * Where no word is looked at it is one of those that cross, or the first. */
function Reading({
  answer,
  alignment,
  current,
}: {
  answer: Run;
  alignment: Alignment;
  current: Chosen | null;
}): JSX.Element {
  const words = wordsOf(table);
  return (
    <div class="opening-reading">
      <p class="opening-said">{readingOf(alignment, current)}</p>
      <p>
        <Weight answer={answer} alignment={alignment} word={wordOf(alignment, current)} />
        <span class="soft"> {words.pressNumber}</span>
      </p>
    </div>
  );
}

function wordOf({ crossing }: Alignment, current: Chosen | null): Chosen {
  return current ?? { side: "query", at: crossing?.[1] ?? 0 };
}

function readingOf(alignment: Alignment, current: Chosen | null): string {
  const [first, second] = alignment.crossing ?? [];
  return !current && first !== undefined && second !== undefined
    ? crossingSentence(alignment, first, second)
    : sentenceOf(alignment, wordOf(alignment, current));
}

function crossingSentence(alignment: Alignment, first: number, second: number): string {
  const words = wordsOf(table);
  const name = (query: number): [string, string] => [
    visible(alignment.queries[query]?.text ?? ""),
    visible(alignment.keys[strongest(alignment.weights[query] ?? [])]?.text ?? ""),
  ];
  return words.crossing(...name(first), ...name(second));
}

/** What a word drew on, or who drew on it, in one sentence: the largest three, from one in ten on. */
function sentenceOf({ keys, queries, weights }: Alignment, { side, at: place }: Chosen): string {
  const words = wordsOf(table);
  const others = side === "query" ? keys : queries;
  const shares = side === "query" ? (weights[place] ?? []) : column(weights, place);
  const named = shares
    .map((share, other) => ({ share, text: visible(others[other]?.text ?? "") }))
    .sort((one, other) => other.share - one.share)
    .filter(({ share }, rank) => rank < 3 && share >= 0.1)
    .map(({ share, text }) => words.share(text, percent(share)));
  const own = visible((side === "query" ? queries : keys)[place]?.text ?? "");
  if (!named.length) return side === "query" ? words.drewOnNone(own) : words.drawnByNone(own);
  const list = named.join(", ");
  return side === "query" ? words.drewOn(own, list) : words.drawnBy(own, list);
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function column(weights: readonly number[][], key: number): number[] {
  return weights.map((row) => row[key] ?? 0);
}

function strongest(numbers: readonly number[]): number {
  return numbers.indexOf(Math.max(...numbers));
}

interface WeightProps {
  answer: Run;
  alignment: Alignment;
  word: Chosen;
}

/** The largest weight between two tokens of the word and of the word that it is tied to most. */
function Weight({ answer, alignment, word }: WeightProps): JSX.Element | null {
  const { part, heads, keys, queries, weights } = alignment;
  const best = heads[0];
  const entry = answer.attention.find(
    (one) => one.part === part && one.layer === (best?.layer ?? 0),
  );
  const head = best?.head ?? 0;
  const [query, key] =
    word.side === "query"
      ? [queries[word.at], keys[strongest(weights[word.at] ?? [])]]
      : [queries[strongest(column(weights, word.at))], keys[word.at]];
  const path = entry && `${entry.path}.weights`;
  const window =
    query &&
    key &&
    ([
      [0, 1],
      [head, head + 1],
      [query.start, query.stop],
      [key.start, key.stop],
    ] as [number, number][]);
  // The picture of the text before stays until the next is there; its places fit its own run alone.
  const current = run.value === answer;
  const array = useArray(current && path && window ? path : null, window ?? null);
  if (!array || !path || !query || !key || array.shape.length !== 4) return null;
  const cells = Array.from({ length: query.stop - query.start }, (_, row) =>
    Array.from({ length: key.stop - key.start }, (_, place) => ({
      index: [0, head, query.start + row, key.start + place],
      value: at(array, 0, 0, row, place),
    })),
  ).flat();
  const largest = cells.reduce((one, other) => (other.value > one.value ? other : one));
  return <Num {...largest} path={path} label={`${query.text} → ${key.text}`} />;
}

/** Which head this is, and how it was found. */
function HeadNote({ alignment }: { alignment: Alignment }): JSX.Element | null {
  const words = wordsOf(table);
  const { part, heads, measure, trials, of } = alignment;
  const best = heads[0];
  if (!best) return null;
  return (
    <Explained>
      {(term) => (
        <p class="opening-found">
          {words.ribbons[kind.value]} {words.ofAHead} {term("head")}{" "}
          <b>{words.headName(part, best.layer, best.head)}</b>
          {". "}
          {measure === "agreement"
            ? words.foundByHiding(heads.length, trials, of, best.score.toFixed(2))
            : words.foundByPeak(heads.length, best.score.toFixed(2))}{" "}
          {words.asksWith} {term("query")}, {words.answersWith} {term("key")}.
        </p>
      )}
    </Explained>
  );
}
