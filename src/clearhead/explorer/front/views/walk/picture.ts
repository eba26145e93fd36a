/** What the walk shows as one picture: scores, scaled, masked and weights of all queries, two beside
 * one another where there is room, and the contributions of the chosen query below them. */

import { run, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { visible } from "../../core/text/pieces";
import { type Kind, scoreColour, scoreMax } from "../../draw/colours";
import { boundsOf, moved } from "../../draw/scene/bounds";
import { labelItems, matrixItems } from "../../draw/scene/items";
import type { Item } from "../../draw/scene/scene";
import { fitText, widthOf } from "../../draw/scene/text";
import { headPlace } from "../../draw/slide/frame";
import { AT_END, textItem } from "../../draw/slide/marks";
import { colourScale, type Scale } from "../../draw/slide/scales";
import { CONTENT_WIDTH, type Picture } from "../../draw/slide/slide";
import { inks, shownTheme, TYPE } from "../../draw/theme";
import { table as drawTable } from "../../draw/words";
import type { Slice } from "./parts/loaded";
import { sliceOf } from "./saving";
import { table } from "./words";

/** Of the names of rows and columns. */
const ROOM = 110;
const CELL = { least: 15, most: 56 };
const MOST_HEIGHT = 560;
const GAP = 40;
/** Of the strips, where the matrices are small. */
const LEAST_WIDTH = 720;

interface Matrix {
  slice: Slice;
  kind: Kind;
  title: string;
}

export function picture(): Picture | null {
  const matrices = matricesOf();
  const mask = sliceOf("masked-all", -1);
  const answer = run.peek();
  if (!answer || !matrices || !mask) return null;
  const place = headPlace(state.part.peek(), state.layer.peek(), state.head.peek());
  const half = (CONTENT_WIDTH - GAP) / 2;
  const perRow = half - ROOM >= tokensOf(mask).columns.length * CELL.least ? 2 : 1;
  const blocks = matrices.map((one) =>
    matrixItemsOf(one, mask, perRow === 2 ? half : CONTENT_WIDTH),
  );
  const items = inRows(blocks, perRow);
  const own = boundsOf(items);
  const vectors = contributions(own.bottom + GAP, Math.max(LEAST_WIDTH, own.right - own.left));
  return {
    title: place,
    description: matrices.map(({ title }) => title).join(", "),
    caption: wordsOf(drawTable).slideAxes,
    place,
    scales: [...scalesOf(matrices, mask), ...vectors.scales],
    items: [...items, ...vectors.items],
  };
}

function matricesOf(): Matrix[] | null {
  const { panels } = wordsOf(table);
  const all: [string, Kind, string][] = [
    ["scores-all", "score", panels.scores.title],
    ["scaled-all", "score", panels.scaled.title],
    ["masked-all", "score", panels.masked.title],
    ["softmax-all", "weight", panels.softmax.title],
  ];
  const matrices = all.map(([panel, kind, title]) => ({ slice: sliceOf(panel, -1), kind, title }));
  return matrices.every((one): one is Matrix => one.slice !== undefined) ? matrices : null;
}

/** One for all matrices that share it; that of the weights says what masked cells look like. */
function scalesOf(matrices: Matrix[], mask: Slice): Scale[] {
  const titles = new Map<number, string[]>();
  for (const { slice, kind, title } of matrices) {
    if (kind === "weight") continue;
    const max = scoreMax(slice.values);
    titles.set(max, [...(titles.get(max) ?? []), title]);
  }
  const masked = Array.from(mask.values).includes(-Infinity);
  return [
    ...[...titles].map(([max, names]) => colourScale("score", max, false, names.join(", "))),
    colourScale("weight", 1, masked),
  ];
}

/** So many blocks to a row, each row and column as large as it needs to be. */
function inRows(blocks: Item[][], perRow: number): Item[] {
  const sizes = blocks.map(boundsOf);
  const pitch = Math.max(...sizes.map(({ left, right }) => right - left)) + GAP;
  const items: Item[] = [];
  let top = 0;
  for (let first = 0; first < blocks.length; first += perRow) {
    const row = sizes.slice(first, first + perRow);
    row.forEach(({ left, top: own }, at) => {
      const block = blocks[first + at]!;
      items.push(...block.map((item) => moved(item, at * pitch - left, top - own)));
    });
    top += Math.max(...row.map(({ top: own, bottom }) => bottom - own)) + GAP;
  }
  return items;
}

function tokensOf(slice: Slice): { rows: string[]; columns: string[] } {
  const answer = run.peek()!;
  const part = state.part.peek();
  const pieces = (stack: "encoder" | "decoder"): string[] =>
    (stack === "encoder" ? answer.source : answer.decoder_input).map(({ piece }) => visible(piece));
  const [rows, columns] = [slice.array.window[2]!, slice.array.window[3]!];
  return {
    rows: pieces(part === "encoder" ? "encoder" : "decoder").slice(...rows),
    columns: pieces(part === "decoder" ? "decoder" : "encoder").slice(...columns),
  };
}

function heading(text: string, x: number, y: number): Item {
  return textItem(x, y, text, { bold: true });
}

function matrixItemsOf({ slice, kind, title }: Matrix, mask: Slice, width: number): Item[] {
  const { rows, columns } = tokensOf(slice);
  const fitting = Math.min((width - ROOM) / columns.length, MOST_HEIGHT / rows.length, CELL.most);
  const size = Math.max(CELL.least, Math.floor(fitting));
  const box = { x: 0, y: 0, width: size * columns.length, height: size * rows.length };
  const masked = (row: number, column: number): boolean =>
    kind === "weight" && mask.values[row * columns.length + column] === -Infinity;
  const data = {
    kind,
    values: slice.values,
    rows: rows.length,
    columns: columns.length,
    max: scoreMax(slice.values),
    masked,
  };
  const longest = (names: string[]): number =>
    Math.min(ROOM, Math.max(...names.map((name) => widthOf(name, TYPE.text))) + 6);
  return [
    heading(title, -longest(rows), -longest(columns) - 14),
    ...labelItems(box, rows, columns, ROOM - 8, inks()),
    ...matrixItems(data, box, shownTheme.value, inks()),
  ];
}

/** Weight times value for each key, and their sum, as strips. */
function contributions(top: number, room: number): { items: Item[]; scales: Scale[] } {
  const words = wordsOf(table);
  const [weights, value, parts, output] = [0, 1, 2, 3].map((place) =>
    sliceOf("contributions", place),
  );
  const answer = run.peek();
  if (!weights || !value || !parts || !output || !answer) return { items: [], scales: [] };
  const [first, stop] = parts.array.window[3]!;
  const width = parts.array.window[4]![1];
  const max = scoreMax(value.values);
  const tokens = state.part.peek() === "decoder" ? answer.decoder_input : answer.source;
  const title = words.panels.contributions.title;
  const items = [heading(`${title}: ${words.weightTimesValue}`, 0, top + 15)];
  let y = top + 28;
  for (let key = first; key < stop; key += 1, y += 22) {
    const weight = weights.values[key - first] ?? 0;
    const label = `${weight.toFixed(2)} ${visible(tokens[key]?.piece ?? "")}`;
    const at = (c: number): number => parts.values[(key - first) * width + c] ?? 0;
    items.push(...strip(y, label, at, { width, max, room }));
  }
  const sum = (component: number): number => output.values[component] ?? 0;
  items.push(...strip(y + 6, words.sum, sum, { width, max, room }));
  return { items, scales: [colourScale("score", max, false, title)] };
}

interface StripScale {
  /** How many components there are. */
  width: number;
  max: number;
  /** Pixels for the name and all components. */
  room: number;
}

/** One vector as a row of coloured cells, its name before it. */
function strip(
  y: number,
  label: string,
  at: (component: number) => number,
  { width, max, room }: StripScale,
): Item[] {
  const start = ROOM + 30;
  const cell = (room - start) / width;
  const text = fitText(label, start - 12, TYPE.small);
  const name = textItem(start - 8, y + 14, text, { ...AT_END, size: TYPE.small });
  const cells = Array.from(
    { length: width },
    (_, component): Item => ({
      kind: "rect",
      x: start + component * cell,
      y,
      width: cell + (component + 1 < width ? 0.4 : 0),
      height: 18,
      fill: scoreColour(at(component), max, shownTheme.value),
      role: "cell",
    }),
  );
  return [name, ...cells];
}
