/** What the view shows: pictures of all heads, fetched a few layers at a time, and the numbers of
 * the one locked head, fetched a window at a time. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Attention, Run } from "../../core/protocol";
import type { NumberArray } from "../../core/sources/source";
import { useArrayState, type Windowed } from "../../core/state/arrays";
import { attention, model, run, source, state, stepAt } from "../../core/state/state";
import { type Range, rangeAround, rangeHolding, type Window2 } from "../../draw/matrix/window";
import type { MatrixData } from "../../draw/scene/items";

// All heads

/** The layers of one part, in order. */
export interface PartLayers {
  part: string;
  layers: Attention[];
}

export function partsOf(answer: Run): PartLayers[] {
  const parts = new Map<string, Attention[]>();
  for (const entry of answer.attention) {
    parts.set(entry.part, [...(parts.get(entry.part) ?? []), entry]);
  }
  return [...parts].map(([part, layers]) => ({
    part,
    layers: layers.sort((one, other) => one.layer - other.layer),
  }));
}

/** Pictures of some layers of a part. */
export interface Overview {
  layers: Range;
  pooled: boolean;
  block: [number, number];
  weights: NumberArray;
  entropy: NumberArray;
  masked: NumberArray | undefined;
}

/** So many pictures, and pictures of so many weights, are asked for at once: a page takes seconds. */
const HEADS_AT_ONCE = 64;
const WEIGHTS_AT_ONCE = 2e7;

/** The pages in which a part's layers are fetched. */
export function pagesOf({ layers }: PartLayers): Range[] {
  const { heads = 1, queries = 1, keys = 1 } = layers[0] ?? {};
  const most = Math.min(HEADS_AT_ONCE / heads, WEIGHTS_AT_ONCE / (heads * queries * keys));
  // A saved page holds what it holds, in one piece.
  const paged = source.value.place !== "offline";
  const size = paged ? Math.max(1, Math.floor(most)) : layers.length;
  const pages: Range[] = [];
  for (let start = 0; start < layers.length; start += size) {
    pages.push([start, Math.min(start + size, layers.length)]);
  }
  return pages;
}

/** A recording may have hundreds of heads over thousands of tokens: only what is seen is asked for. */
export function recorded(): boolean {
  return model.value?.kind === "recording";
}

type PendingOverview = Signal<Overview | Error | null>;
const overviews = new WeakMap<Run, Map<string, PendingOverview>>();

/** The pictures of a page; null until they come. */
export function overviewOf(
  answer: Run,
  { part, layers }: PartLayers,
  page: Range,
): PendingOverview {
  let cache = overviews.get(answer);
  if (!cache) {
    cache = new Map();
    overviews.set(answer, cache);
  }
  const name = JSON.stringify([part, page]);
  const earlier = cache.get(name);
  if (earlier) return earlier;
  const pending: PendingOverview = signal(null);
  cache.set(name, pending);
  void ask(answer, part, page, layers.length).then(
    (overview) => {
      pending.value = overview;
    },
    (error: Error) => {
      pending.value = error;
      cache.delete(name); // so that another look asks again
    },
  );
  return pending;
}

async function ask(answer: Run, part: string, page: Range, of: number): Promise<Overview> {
  const whole = page[0] === 0 && page[1] === of;
  const params = { run: answer.request, part, ...(!whole && { layers: page }) };
  const { json, arrays } = await source.peek().ask("overview", params);
  const { weights, entropy, masked } = arrays;
  if (!weights || !entropy) throw new Error(`No pictures came for ${part}.`);
  return { layers: page, pooled: json.pooled, block: json.block, weights, entropy, masked };
}

/** What is there already of a page, asking for nothing. */
export function overviewNow(answer: Run, part: string, page: Range): Overview | null {
  const overview = overviews.get(answer)?.get(JSON.stringify([part, page]))?.value ?? null;
  return overview instanceof Error ? null : overview;
}

export interface HeadPicture {
  data: MatrixData;
  /** Nats, the mean over queries. */
  entropy: number;
}

const pictures = new WeakMap<Overview, Map<number, HeadPicture>>();

/** One head of a page; the same object each time, so that nothing is painted twice. */
export function headPicture(overview: Overview, layer: number, head: number): HeadPicture {
  let cache = pictures.get(overview);
  if (!cache) {
    cache = new Map();
    pictures.set(overview, cache);
  }
  const [, heads = 1, rows = 0, columns = 0] = overview.weights.shape;
  const at = (layer - overview.layers[0]) * heads + head;
  let picture = cache.get(at);
  if (!picture) {
    const { masked } = overview;
    const values = overview.weights.data.subarray(at * rows * columns, (at + 1) * rows * columns);
    const data: MatrixData = {
      kind: "weight",
      values,
      rows,
      columns,
      masked: (row, column) => masked?.data[row * columns + column] === 1,
    };
    picture = { data, entropy: overview.entropy.data[at] ?? 0 };
    cache.set(at, picture);
  }
  return picture;
}

/** The small picture of the locked head, by which its window is moved; null until it comes. */
export function lockedPicture(): HeadPicture | null {
  const [answer, entry] = [run.value, attention.value];
  const layers = answer && partsOf(answer).find(({ part }) => part === entry?.part);
  if (!answer || !entry || !layers) return null;
  const at = layers.layers.indexOf(entry);
  const page = pagesOf(layers).find(([start, stop]) => start <= at && at < stop);
  const overview = page && overviewOf(answer, layers, page).value;
  return overview && !(overview instanceof Error)
    ? headPicture(overview, at, state.head.value)
    : null;
}

// The locked head

const windowOfReader = signal<{ of: Attention; window: Window2 } | null>(null);

/** The queries and keys on the screen: where they were moved to, or else around what is chosen. */
export const shownWindow = computed<Window2>(() => {
  const entry = attention.value;
  if (!entry) return { rows: [0, 0], columns: [0, 0] };
  const choice = windowOfReader.value;
  if (choice?.of === entry) return choice.window;
  const key = state.key.value ?? (entry.queries === entry.keys ? state.query.peek() : 0);
  return {
    rows: rangeAround(state.query.peek(), entry.queries),
    columns: rangeAround(key, entry.keys),
  };
});

export function moveWindow(window: Window2): void {
  const of = attention.peek();
  if (of) windowOfReader.value = { of, window };
}

/** Let the window follow a query that was chosen elsewhere. */
export function holdQuery(query: number): void {
  const entry = attention.peek();
  if (!entry) return;
  const { rows, columns } = shownWindow.peek();
  const queries = rangeHolding(rows, query, entry.queries);
  if (queries[0] !== rows[0]) moveWindow({ rows: queries, columns });
}

export interface HeadTile {
  entry: Attention;
  head: number;
  window: Window2;
  /** Row-major, NaN where masked; null until they come. */
  values: Float64Array | null;
  error: Error | null;
}

/** Numbers of one attention, one head, some queries and keys. */
function tile(entry: Attention, head: number, { rows, columns }: Window2): HeadTile {
  const window: Range[] = [[0, 1], [head, head + 1], rows, columns];
  const weights = useArrayState(`${entry.path}.weights`, window).value;
  const path = scoresPath(entry);
  const scores = path === null ? null : useArrayState(path, window).value;
  const common = { entry, head, window: { rows, columns } };
  for (const array of [weights, scores]) {
    if (array instanceof Error) return { ...common, values: null, error: array };
  }
  const ready = weights && (path === null || scores);
  const values = ready ? hatched(weights as Windowed, scores as Windowed | null) : null;
  return { ...common, values, error: null };
}

/** The scores that softmax saw: minus infinity there is what masked means. */
function scoresPath(entry: Attention): string | null {
  return [`${entry.path}.masked`, `${entry.path}.scores`].find((path) => stepAt(path)) ?? null;
}

function hatched(weights: Windowed, scores: Windowed | null): Float64Array {
  return Float64Array.from(weights.data, (weight, at) =>
    // A weight that an edit gave to a masked key is a weight, and drawn as one.
    scores?.data[at] === -Infinity && weight === 0 ? NaN : weight,
  );
}

export const lockedTile: ReadonlySignal<HeadTile | null> = computed(() => {
  const entry = attention.value;
  return entry && tile(entry, state.head.value, shownWindow.value);
});

/** The whole row of the chosen query, whatever the window shows of it. */
export const lockedRow: ReadonlySignal<HeadTile | null> = computed(() => {
  const entry = attention.value;
  if (!entry) return null;
  const query = state.query.value;
  const window: Window2 = { rows: [query, query + 1], columns: [0, entry.keys] };
  return tile(entry, state.head.value, window);
});

/** So many lines are drawn at most. */
export const LINES_MOST = 24;

export interface KeyWeight {
  key: number;
  /** NaN where masked. */
  weight: number;
}

/** The links of a row in the order of the keys: all, or the largest of them. */
export function linksOf(values: ArrayLike<number>, most = LINES_MOST): KeyWeight[] {
  const all = Array.from(values, (weight, key): KeyWeight => ({ key, weight }));
  if (all.length <= most) return all;
  const size = ({ weight }: KeyWeight): number => (Number.isNaN(weight) ? -1 : weight);
  const largest = all.sort((one, other) => size(other) - size(one) || one.key - other.key);
  return largest.slice(0, most).sort((one, other) => one.key - other.key);
}

export function sumOf(links: readonly KeyWeight[]): number {
  return links.reduce((sum, { weight }) => sum + (Number.isNaN(weight) ? 0 : weight), 0);
}

/** The queries that are listed beside the lines. */
export function listedQueries(entry: Attention, query: number): Range {
  return rangeAround(query, entry.queries, LINES_MOST);
}
