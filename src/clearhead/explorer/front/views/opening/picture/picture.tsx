/** The opening picture with what is said about it: the word that is looked at, and its number. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Alignment, Discovery, Run, Word } from "../../../core/protocol";
import { at, useArray } from "../../../core/state/arrays";
import { languageOf, run, setState } from "../../../core/state/state";
import { format } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import { visible } from "../../shared/parts";
import { screenKind } from "../answers";
import { table } from "../words";
import { HeadNote } from "./note";
import { type Chosen, Ribbons } from "./ribbons";
import { useForExport } from "./slide";
import { RowsPager, Switch } from "./switches";

interface PictureProps {
  answer: Run;
  alignment: Alignment;
  discovery: Discovery | null;
  /** Shows the tokens of a long recording from another one on. */
  move: (start: number) => void;
}

export function Picture(props: PictureProps): JSX.Element {
  const { answer, discovery } = props;
  const words = wordsOf(table);
  const flowing = useSignal(false);
  const flow = flowing.value ? props.alignment.flow : undefined;
  const alignment = flow ? { ...props.alignment, weights: flow, crossing: null } : props.alignment;
  const looked = useSignal<Chosen | null>(null);
  const pinned = useSignal<Chosen | null>(null);
  const { keys, queries, weights } = alignment;
  const within = (word: Chosen | null): Chosen | null =>
    word && (word.side === "key" ? keys : queries)[word.at] ? word : null;
  const current = within(looked.value) ?? within(pinned.value);
  const hidden = (place: number): boolean => isHidden(keys[place], discovery);
  const strong = alignment.crossing ?? telling(alignment, flow !== undefined);
  const caption = readingOf(alignment, current, flow !== undefined);
  const flowingNow = flow !== undefined;
  useForExport({
    answer,
    alignment,
    strong,
    current,
    caption,
    hidden,
    written,
    flowing: flowingNow,
  });
  const press = (word: Chosen): void => {
    pinned.value = word;
    const query = queries[word.side === "query" ? word.at : strongest(column(weights, word.at))];
    if (query && flow) setState({ query: query.start, key: null });
    else if (query) lockHead(alignment, query);
  };
  return (
    <div class="opening-picture">
      {screenKind.value === "recording" && (
        <div class="opening-switches">
          {props.alignment.flow && (
            <Switch flowing={flow !== undefined} choose={(to) => (flowing.value = to)} />
          )}
          <RowsPager answer={answer} alignment={alignment} move={props.move} />
        </div>
      )}
      <Ribbons
        keys={keys.map(({ text }) => text)}
        queries={queries.map(({ text }) => text)}
        written={written}
        weights={weights}
        languages={{ keys: languageOf("source"), queries: languageOf("target") }}
        labels={{ keys: words.keys[screenKind.value], queries: words.queries[screenKind.value] }}
        captions={screenKind.value === "recording" || isOneText(alignment)}
        describe={(word) => sentenceOf(alignment, word)}
        strong={strong}
        hidden={hidden}
        current={current}
        look={(word) => (looked.value = word)}
        press={press}
      />
      <Reading answer={answer} alignment={alignment} current={current} exact={flow === undefined} />
      <HeadNote answer={answer} alignment={alignment} flowing={flow !== undefined} />
    </div>
  );
}

/** A word with what cannot be seen made visible; a label as it is. */
function written(side: Chosen["side"], word: string): string {
  return side === "query" && screenKind.value === "labels" ? word : visible(word);
}

function isOneText({ keys, queries }: Alignment): boolean {
  return keys.length === queries.length && keys.every(({ text }, at) => text === queries[at]?.text);
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
 * Where no word is looked at it is one of those that cross, or the one that looks farthest. */
function Reading({
  answer,
  alignment,
  current,
  exact,
}: {
  answer: Run;
  alignment: Alignment;
  current: Chosen | null;
  exact: boolean;
}): JSX.Element {
  const words = wordsOf(table);
  return (
    <div class="opening-reading">
      <p class="opening-said">{readingOf(alignment, current, !exact)}</p>
      {exact && (
        <p>
          <Weight answer={answer} alignment={alignment} word={wordOf(alignment, current, false)} />
          <span class="soft">
            {" "}
            {screenKind.value === "recording" ? words.exactWeight : words.pressNumber}
          </span>
        </p>
      )}
    </div>
  );
}

function wordOf(alignment: Alignment, current: Chosen | null, flowing: boolean): Chosen {
  const [first] = telling(alignment, flowing);
  return current ?? { side: "query", at: alignment.crossing?.[1] ?? first ?? 0 };
}

function readingOf(alignment: Alignment, current: Chosen | null, flowing: boolean): string {
  const [first, second] = alignment.crossing ?? [];
  return !current && first !== undefined && second !== undefined
    ? crossingSentence(alignment, first, second)
    : sentenceOf(alignment, wordOf(alignment, current, flowing));
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
  const opposite = side === "query" ? "key" : "query";
  const shares = side === "query" ? (weights[place] ?? []) : column(weights, place);
  const named = shares
    .map((share, other) => ({ share, text: written(opposite, others[other]?.text ?? "") }))
    .sort((one, other) => other.share - one.share)
    .filter(({ share }, rank) => rank < 3 && share >= 0.1)
    .map(({ share, text }) => words.share(text, percent(share)));
  const own = written(side, (side === "query" ? queries : keys)[place]?.text ?? "");
  if (!named.length) return nothing(side, own);
  const list = named.join(", ");
  return side === "query" ? words.drewOn(own, list) : words.drawnBy(own, list);
}

function nothing(side: Chosen["side"], own: string): string {
  const words = wordsOf(table);
  if (screenKind.value === "recording")
    return side === "query" ? words.drewOnNoToken(own) : words.drawnByNoToken(own);
  return side === "query" ? words.drewOnNone(own) : words.drawnByNone(own);
}

/** Of a recording's tokens, the one that looks most at another, or, where both sides are the same, at
 * another that is neither beside it nor the first. Of all layers, and of models, none. */
function telling({ measure, keys, queries, weights }: Alignment, flowing: boolean): number[] {
  if (flowing || (measure !== "elsewhere" && measure !== "aligned")) return [];
  const beside = (query: number, key: number): boolean =>
    key === 0 || Math.abs(keys[key]!.start - queries[query]!.start) <= 1;
  const shares = weights.map((row, query) =>
    Math.max(0, ...row.filter((_, key) => measure === "aligned" || !beside(query, key))),
  );
  return [strongest(shares)];
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
  if (screenKind.value === "recording")
    return <span class="num-text">{format(largest.value)}</span>;
  return <Num {...largest} path={path} label={`${query.text} → ${key.text}`} />;
}
