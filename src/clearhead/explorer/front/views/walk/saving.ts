/** What the walk shows, to be saved: its pictures as one drawing, and its numbers as data. */

import { run, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { INKS, type Kind, scoreColour, scoreMax, type Theme } from "../../draw/colours";
import { LEGEND_HEIGHT, labelItems, legendItems, matrixItems } from "../../draw/scene/items";
import type { Item, Scene } from "../../draw/scene/scene";
import { fitText } from "../../draw/scene/text";
import { shownTheme } from "../../draw/theme";
import { table as drawTable } from "../../draw/words";
import { loadedSlices, type Slice } from "./parts/loaded";
import { table } from "./words";

const MARGIN = 24;

const LABELS = 96;

const WIDTH = 760;

/** Every number that the panels show, with where it stands. */
export function walkJson(): unknown {
  const answer = run.peek();
  if (!answer) return null;
  const [part, layer, head, query] = [state.part, state.layer, state.head, state.query].map(
    (each) => each.peek(),
  );
  const numbers = new Map<string, unknown>();
  for (const slices of loadedSlices.values())
    for (const { array } of slices)
      numbers.set(JSON.stringify([array.path, array.window]), {
        path: array.path,
        window: array.window,
        shape: array.whole,
        values: Array.from(array.data, (value) => (Number.isFinite(value) ? value : null)),
      });
  return {
    request: answer.request,
    part,
    layer,
    head,
    query,
    source: answer.source,
    decoder_input: answer.decoder_input,
    next: answer.next,
    numbers: [...numbers.values()],
  };
}

/** Scores, scaled, masked and weights of all queries, and the contributions, below one another. */
export function walkScene(): Scene | null {
  const words = wordsOf(table);
  const theme = shownTheme.peek();
  const inks = INKS[theme];
  const parts: [string, Kind, string][] = [
    ["scores-all", "score", words.panels.scores.title],
    ["scaled-all", "score", words.panels.scaled.title],
    ["masked-all", "score", words.panels.masked.title],
    ["softmax-all", "weight", words.panels.softmax.title],
  ];
  const matrices = parts.map(([panel, kind, title]) => ({
    slice: sliceOf(panel, -1),
    kind,
    title,
  }));
  const answer = run.peek();
  if (!answer || matrices.some(({ slice }) => !slice)) return null;
  const title = words.where(
    words.parts[state.part.peek() as "cross"],
    state.layer.peek(),
    state.head.peek(),
  );
  const items: Item[] = [
    { kind: "text", x: MARGIN, y: MARGIN + 14, text: title, size: 18, fill: inks.ink, bold: true },
  ];
  let top = MARGIN + 40;
  for (const { slice, kind, title: name } of matrices) {
    const block = matrixPart(slice!, kind, name, top, theme, sliceOf("masked-all", -1)!);
    items.push(...block.items);
    top = block.bottom;
  }
  const vectors = contributionsPart(top, theme);
  items.push(...vectors.items);
  const description = `${answer.text ?? ""} → ${answer.translation ?? ""}`;
  return {
    title,
    description,
    width: WIDTH,
    height: vectors.bottom + MARGIN,
    background: inks.paper,
    items,
  };
}

/** Before the name of a panel: its numbers are there for export, and the panel is not drawn. */
export const EXPORT = "export-";

/** A slice that a panel shows, or would: the last of its needs, or one by place. */
function sliceOf(panel: string, place: number): Slice | undefined {
  for (const [key, slices] of loadedSlices)
    if (key.startsWith(`${panel}:`) || key.startsWith(`${EXPORT}${panel}:`))
      return slices.at(place);
  return undefined;
}

function tokensOf(slice: Slice): { rows: string[]; columns: string[] } {
  const answer = run.peek()!;
  const part = state.part.peek();
  const pieces = (stack: "encoder" | "decoder"): string[] =>
    (stack === "encoder" ? answer.source : answer.decoder_input).map(({ piece }) => piece);
  const [rows, columns] = [slice.array.window[2]!, slice.array.window[3]!];
  return {
    rows: pieces(part === "encoder" ? "encoder" : "decoder").slice(...rows),
    columns: pieces(part === "decoder" ? "decoder" : "encoder").slice(...columns),
  };
}

interface Block {
  items: Item[];
  bottom: number;
}

function heading(text: string, y: number, fill: string): Item {
  return { kind: "text", x: MARGIN, y, text, size: 14, fill, bold: true };
}

function matrixPart(
  slice: Slice,
  kind: Kind,
  name: string,
  top: number,
  theme: Theme,
  mask: Slice,
): Block {
  const inks = INKS[theme];
  const { rows, columns } = tokensOf(slice);
  const size = Math.max(12, Math.min(34, (WIDTH - 2 * MARGIN - LABELS) / columns.length));
  const box = {
    x: MARGIN + LABELS,
    y: top + LABELS,
    width: size * columns.length,
    height: size * rows.length,
  };
  const max = scoreMax(slice.values);
  const masked = (row: number, column: number): boolean =>
    kind === "weight" && mask.values[row * columns.length + column] === -Infinity;
  const data = {
    kind,
    values: slice.values,
    rows: rows.length,
    columns: columns.length,
    max,
    masked,
  };
  const { weightLegend, scoreLegend, maskedShort } = wordsOf(drawTable);
  const legend = {
    title: kind === "weight" ? weightLegend : scoreLegend(max.toPrecision(3)),
    masked: maskedShort,
  };
  const below = box.y + box.height + 12;
  return {
    items: [
      heading(name, top + 12, inks.ink),
      ...labelItems(box, rows, columns, LABELS - 20, inks),
      ...matrixItems(data, box, theme, inks),
      ...legendItems(kind, max, { x: box.x, y: below }, legend, theme, inks),
    ],
    bottom: below + LEGEND_HEIGHT + 28,
  };
}

/** Weight times value for each key, and their sum, as strips. */
function contributionsPart(top: number, theme: Theme): Block {
  const words = wordsOf(table);
  const inks = INKS[theme];
  const [weights, value, parts, output] = [0, 1, 2, 3].map((place) =>
    sliceOf("contributions", place),
  );
  if (!weights || !value || !parts || !output) return { items: [], bottom: top };
  const answer = run.peek()!;
  const [first, stop] = parts.array.window[3]!;
  const width = parts.array.window[4]![1];
  const max = scoreMax(value.values);
  const tokens = state.part.peek() === "decoder" ? answer.decoder_input : answer.source;
  const items: Item[] = [
    heading(
      `${words.panels.contributions.title}: ${words.weightTimesValue}, ±${max.toPrecision(3)}`,
      top + 12,
      inks.ink,
    ),
  ];
  const row = { width, max, theme };
  let y = top + 28;
  for (let key = first; key < stop; key += 1, y += 19) {
    const weight = weights.values[key - first] ?? 0;
    const label = `${weight.toFixed(2)} ${tokens[key]?.piece ?? ""}`;
    items.push(...stripItems(y, label, (c) => parts.values[(key - first) * width + c] ?? 0, row));
  }
  y += 6;
  items.push(...stripItems(y, words.sum, (c) => output.values[c] ?? 0, row));
  return { items, bottom: y + 24 };
}

interface StripScale {
  width: number;
  max: number;
  theme: Theme;
}

/** One vector as a row of coloured cells, its name before it. */
function stripItems(
  y: number,
  label: string,
  at: (component: number) => number,
  { width, max, theme }: StripScale,
): Item[] {
  const cell = (WIDTH - 2 * MARGIN - LABELS) / width;
  const name: Item = {
    kind: "text",
    x: MARGIN + LABELS - 6,
    y: y + 12,
    text: fitText(label, LABELS - 10, 12),
    size: 12,
    fill: INKS[theme].ink,
    anchor: "end",
  };
  const cells = Array.from(
    { length: width },
    (_, component): Item => ({
      kind: "rect",
      x: MARGIN + LABELS + component * cell,
      y,
      width: cell + (component + 1 < width ? 0.4 : 0),
      height: 16,
      fill: scoreColour(at(component), max, theme),
      role: "cell",
    }),
  );
  return [name, ...cells];
}
