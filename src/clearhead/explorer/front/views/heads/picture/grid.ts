/** All heads for the picture: a block for each part, a row for each layer, a column for each head. */

import { run, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { matrixItems } from "../../../draw/scene/items";
import type { Item } from "../../../draw/scene/scene";
import { widthOf } from "../../../draw/scene/text";
import { soft, textItem } from "../../../draw/slide/marks";
import { inks, shownTheme, TYPE } from "../../../draw/theme";
import { partName } from "../all_heads";
import { headPicture, type Overview, overviewNow, pagesOf, partsOf } from "../data";
import { shrink } from "../shrink";
import { table } from "../words";

/** An SVG with more cells than this is slow to open; pictures are pooled further to stay below. */
const CELLS_MOST = 40_000;

/** Pixels of a picture's side, between two of them, and between two parts. */
export const SIDE = { least: 40, fair: 64, most: 150 };
const GAP = 8;
const PARTS_GAP = 40;

const CENTRED = { anchor: "middle" as const };

export interface Grid {
  items: Item[];
  /** What a reader should know of it. */
  note: string;
}

interface Layer {
  layer: number;
  overview: Overview;
  heads: number;
}

interface Part {
  part: string;
  name: string;
  layers: Layer[];
}

/** The layers whose pictures have come, by part. */
function partsSoFar(): Part[] {
  const answer = run.value;
  if (!answer) return [];
  return partsOf(answer).flatMap((part) => {
    const layers = pagesOf(part).flatMap((page): Layer[] => {
      const overview = overviewNow(answer, part.part, page);
      const [count = 0, heads = 0] = overview?.weights.shape ?? [];
      if (!overview) return [];
      return Array.from({ length: count }, (_, at) => ({ layer: page[0] + at, overview, heads }));
    });
    return layers.length ? [{ part: part.part, name: partName(part.part), layers }] : [];
  });
}

/** So many cells of the pictures become one. */
function factorOf(parts: Part[]): number {
  const cells = parts
    .flatMap(({ layers }) => layers)
    .reduce((sum, { overview, heads }) => {
      const [, , rows = 0, columns = 0] = overview.weights.shape;
      return sum + heads * rows * columns;
    }, 0);
  return Math.max(1, Math.ceil(Math.sqrt(cells / CELLS_MOST)));
}

/** All heads in a width: parts side by side where their pictures stay large enough. */
export function grid(width: number): Grid {
  const parts = partsSoFar();
  const factor = factorOf(parts);
  const blocks = chunks(parts, width);
  const perRow = blocks.perRow;
  const each = (width - (perRow - 1) * PARTS_GAP) / perRow;
  const items: Item[] = [];
  let top = 0;
  for (let first = 0; first < blocks.parts.length; first += perRow) {
    let bottom = top;
    blocks.parts.slice(first, first + perRow).forEach((part, place) => {
      const block = partItems(part, { x: place * (each + PARTS_GAP), y: top }, each, factor);
      items.push(...block.items);
      bottom = Math.max(bottom, block.bottom);
    });
    top = bottom + 24;
  }
  return { items, note: noteOf(parts, factor) };
}

/** All parts below one another, with pictures of so many pixels. */
export function gridColumn(side: number): Item[] {
  const parts = partsSoFar();
  const factor = factorOf(parts);
  const items: Item[] = [];
  let top = 0;
  for (const part of parts) {
    const width = labelWidth() + headsOf(part) * (side + GAP) - GAP;
    const block = partItems(part, { x: 0, y: top }, width, factor);
    items.push(...block.items);
    top = block.bottom + 20;
  }
  return items;
}

/** How many layers there are pictures of. */
export function layerCount(): number {
  return partsSoFar().reduce((sum, { layers }) => sum + layers.length, 0);
}

function headsOf({ layers }: Part): number {
  return Math.max(...layers.map(({ heads }) => heads));
}

/** How many parts stand side by side; a single one with few heads is cut into columns of layers. */
function chunks(parts: Part[], width: number): { parts: Part[]; perRow: number } {
  const heads = Math.max(1, ...parts.map(headsOf));
  const need = labelWidth() + heads * (SIDE.fair + GAP) - GAP;
  const fit = Math.max(1, Math.floor((width + PARTS_GAP) / (need + PARTS_GAP)));
  if (parts.length > 1 || fit === 1) return { parts, perRow: Math.min(fit, parts.length) || 1 };
  const [part] = parts;
  const columns = Math.min(fit, part?.layers.length ?? 1);
  const each = Math.ceil((part?.layers.length ?? 1) / columns);
  const cut = Array.from({ length: columns }, (_, at) => ({
    ...part!,
    name: at ? "" : part!.name,
    layers: part!.layers.slice(at * each, (at + 1) * each),
  })).filter(({ layers }) => layers.length);
  return { parts: cut, perRow: cut.length };
}

/** What the name of a row takes. */
function labelWidth(): number {
  return widthOf(wordsOf(table).layer(88), TYPE.small) + 10;
}

interface Place {
  x: number;
  y: number;
}

function partItems(
  { part, name, layers }: Part,
  { x, y }: Place,
  width: number,
  factor: number,
): { items: Item[]; bottom: number } {
  const words = wordsOf(table);
  const label = labelWidth();
  const heads = Math.max(...layers.map((one) => one.heads));
  const fit = Math.min(heads, Math.floor((width - label + GAP) / (SIDE.least + GAP)));
  // As many in each line as in the others.
  const perLine = Math.ceil(heads / Math.ceil(heads / fit));
  const side = Math.min(SIDE.most, Math.floor((width - label + GAP) / perLine) - GAP);
  const items: Item[] = [textItem(x, y + 15, name, { bold: true })];
  const left = (head: number, first: number): number => x + label + (head - first) * (side + GAP);
  let top = y + 26;
  for (const { layer, overview } of layers) {
    for (let first = 0; first < heads; first += perLine) {
      const line = Array.from({ length: Math.min(perLine, heads - first) }, (_, at) => first + at);
      // The heads' numbers stand once above all layers, or above each line where they take several.
      if (layer === layers[0]?.layer || perLine < heads) {
        const number = { ...soft(), ...CENTRED };
        for (const head of line)
          items.push(textItem(left(head, first) + side / 2, top + 13, String(head), number));
        top += 20;
      }
      if (!first) items.push(textItem(x, top + 13, words.layer(layer), soft()));
      const all = line.map((head) => {
        const at = { x: left(head, first), y: top };
        return headItems(overview, { part, layer, head }, at, side, factor);
      });
      items.push(...all.flatMap((one) => one.items));
      top += Math.max(...all.map(({ height }) => height)) + 22;
    }
  }
  return { items, bottom: top - 6 };
}

interface Head {
  part: string;
  layer: number;
  head: number;
}

/** A head's picture with its mean entropy under it; the locked one has a frame. */
function headItems(
  overview: Overview,
  { part, layer, head }: Head,
  at: Place,
  side: number,
  factor: number,
): { items: Item[]; height: number } {
  const ink = inks();
  const picture = headPicture(overview, layer, head);
  const data = shrink(picture.data, factor);
  const cell = side / Math.max(data.rows, data.columns);
  const box = { ...at, width: cell * data.columns, height: cell * data.rows };
  const locked =
    part === state.part.value && layer === state.layer.value && head === state.head.value;
  const frame: Item[] = locked
    ? [{ kind: "rect", ...box, stroke: ink.accent, strokeWidth: 3, role: "locked" }]
    : [];
  const entropy = picture.entropy.toFixed(2);
  const style = { ...soft(), ...CENTRED, ...(locked && { fill: ink.accent, bold: true }) };
  const under = at.y + box.height + 14;
  return {
    items: [
      ...matrixItems(data, box, shownTheme.value, ink),
      ...frame,
      textItem(at.x + box.width / 2, under, entropy, { ...style, role: "entropy" }),
    ],
    height: box.height,
  };
}

/** How many cells became one, and of how many heads the pictures have not come. */
function noteOf(parts: Part[], factor: number): string {
  const words = wordsOf(table);
  const all = run.value?.attention.reduce((sum, entry) => sum + entry.heads, 0) ?? 0;
  const layers = parts.flatMap((part) => part.layers);
  const heads = layers.reduce((sum, one) => sum + one.heads, 0);
  const [rows = 1, columns = 1] = layers[0]?.overview.block.map((size) => size * factor) ?? [];
  return [
    heads < all ? `${words.sceneSome(heads, all)}.` : "",
    rows * columns > 1 ? words.pooled(rows, columns) : "",
  ]
    .filter(Boolean)
    .join(" ");
}
