/** The view as one drawing: all heads on the left, the locked one with its lines on the right. */

import { attention, keyTokens, model, queryTokens, run, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import type { Inks, Theme } from "../../draw/colours";
import {
  LEGEND_HEIGHT,
  LEGEND_WIDTH,
  labelItems,
  legendItems,
  type MatrixData,
  matrixItems,
} from "../../draw/scene/items";
import type { Item, Scene, TextItem } from "../../draw/scene/scene";
import { fitText } from "../../draw/scene/text";
import { inks, shownTheme } from "../../draw/theme";
import { table as drawing } from "../../draw/words";
import { partName } from "./all_heads";
import {
  headPicture,
  linksOf,
  lockedRow,
  lockedTile,
  type Overview,
  overviewNow,
  pagesOf,
  partsOf,
} from "./data";
import { lineWidth } from "./lines";
import { shrink } from "./shrink";
import { table } from "./words";

const MARGIN = 24;

const SIDE = 84;

const GAP = 12;

const TOP = 110;

/** An SVG with more cells than this is slow to open; pictures are pooled further to stay below. */
const CELLS_MOST = 40_000;

interface Pen {
  theme: Theme;
  inks: Inks;
}

interface Block {
  items: Item[];
  right: number;
  bottom: number;
}

export function scene(): Scene | null {
  const [answer, entry] = [run.value, attention.value];
  if (!answer || !entry) return null;
  const words = wordsOf(table);
  const pen = { theme: shownTheme.value, inks: inks() };
  const all = smallMultiples(pen);
  const large = lockedHead(all.right + 3 * GAP, pen);
  const width = Math.max(large.right, all.right, LEGEND_WIDTH + MARGIN) + MARGIN;
  const height = Math.max(large.bottom, all.bottom) + MARGIN;
  const about = words.sceneAbout(model.value?.name ?? "", answer.text ?? entry.path);
  const title = fitText(about, width - 2 * MARGIN, 15);
  return {
    title: words.sceneAll,
    description: about,
    width,
    height,
    background: pen.inks.paper,
    items: [
      text(MARGIN, MARGIN + 12, title, 15, pen.inks.ink, { bold: true }),
      ...legendItems(
        "weight",
        1,
        { x: MARGIN, y: MARGIN + 24 },
        legendWords(),
        pen.theme,
        pen.inks,
      ),
      ...all.items,
      ...large.items,
    ],
  };
}

function legendWords(): { title: string; masked: string } {
  const { weightLegend, maskedShort } = wordsOf(drawing);
  return { title: weightLegend, masked: maskedShort };
}

function text(
  x: number,
  y: number,
  content: string,
  size: number,
  fill: string,
  rest: Partial<TextItem> = {},
): TextItem {
  return { kind: "text", x, y, text: content, size, fill, ...rest };
}

/** The pages of pictures that have come, in order. */
function comeSoFar(): { part: string; first: number; overview: Overview }[] {
  const answer = run.value;
  if (!answer) return [];
  return partsOf(answer).flatMap((part) =>
    pagesOf(part).flatMap((page) => {
      const overview = overviewNow(answer, part.part, page);
      return overview ? [{ part: partName(part.part), first: page[0], overview }] : [];
    }),
  );
}

function smallMultiples(pen: Pen): Block {
  const words = wordsOf(table);
  const pages = comeSoFar();
  const heads = pages.reduce((sum, { overview }) => sum + overview.weights.data.length, 0);
  const factor = Math.max(1, Math.ceil(Math.sqrt(heads / CELLS_MOST)));
  const items: Item[] = [];
  let [y, right, part] = [TOP + LEGEND_HEIGHT - 32, MARGIN, ""];
  const all = run.value?.attention.reduce((sum, entry) => sum + entry.heads, 0) ?? 0;
  const headCount = pages.reduce((sum, { overview }) => sum + overview.entropy.data.length, 0);
  if (headCount < all) {
    items.push(text(MARGIN, y, words.sceneSome(headCount, all), 11, pen.inks.soft));
    y += 12;
  }
  for (const page of pages) {
    if (page.part !== part) {
      part = page.part;
      items.push(text(MARGIN, y + 16, part, 14, pen.inks.ink, { bold: true }));
      const block = page.overview.block.map((size) => size * factor) as [number, number];
      if (block[0] * block[1] > 1) {
        const pooled = words.scenePooled(...block);
        items.push(text(MARGIN + 140, y + 16, pooled, 11, pen.inks.soft));
      }
      y += 26;
    }
    const [layers = 0, count = 0] = page.overview.weights.shape;
    for (let layer = 0; layer < layers; layer += 1) {
      for (let head = 0; head < count; head += 1) {
        const x = MARGIN + head * (SIDE + GAP);
        items.push(...small(page, layer, head, { x, y }, factor, pen));
        right = Math.max(right, x + SIDE);
      }
      y += SIDE + 34;
    }
  }
  return { items, right, bottom: y };
}

function small(
  page: { part: string; first: number; overview: Overview },
  layer: number,
  head: number,
  at: { x: number; y: number },
  factor: number,
  pen: Pen,
): Item[] {
  const words = wordsOf(table);
  const picture = headPicture(page.overview, page.first + layer, head);
  const data = shrink(picture.data, factor);
  const cell = SIDE / Math.max(data.rows, data.columns);
  const box = { ...at, width: cell * data.columns, height: cell * data.rows };
  const under = at.y + box.height;
  const name = `${words.layer(page.first + layer)} · ${words.head(head)}`;
  const isLockedHead =
    page.part === partName(state.part.value) &&
    page.first + layer === state.layer.value &&
    head === state.head.value;
  const frame: Item[] = isLockedHead
    ? [{ kind: "rect", ...box, stroke: pen.inks.accent, strokeWidth: 3 }]
    : [];
  return [
    ...matrixItems(data, box, pen.theme, pen.inks),
    ...frame,
    text(at.x, under + 13, fitText(name, SIDE + GAP, 10), 10, pen.inks.ink),
    text(at.x, under + 25, words.nats(picture.entropy.toFixed(2)), 10, pen.inks.soft),
  ];
}

function lockedHead(x: number, pen: Pen): Block {
  const entry = attention.value;
  const tile = lockedTile.value;
  if (!entry || !tile?.values) return { items: [], right: x, bottom: TOP };
  const words = wordsOf(table);
  const { rows, columns } = tile.window;
  const data: MatrixData = {
    kind: "weight",
    values: tile.values,
    rows: rows[1] - rows[0],
    columns: columns[1] - columns[0],
  };
  const cell = Math.max(data.rows, data.columns) <= 16 ? 34 : 15;
  const room = 90;
  const width = data.columns * cell;
  const box = { x: x + room, y: TOP + 32 + room, width, height: data.rows * cell };
  const pieces = (
    tokens: { piece: string }[],
    [start, stop]: readonly [number, number],
  ): string[] => tokens.slice(start, stop).map(({ piece }) => piece);
  const name = words.locked(partName(entry.part), entry.layer, state.head.value);
  const windowText = words.sceneWindow(
    `${rows[0]}–${rows[1] - 1}`,
    `${columns[0]}–${columns[1] - 1}`,
  );
  const lines = linkItems(box.x + box.width + 4 * GAP, TOP + 32, pen);
  const items = [
    text(x, TOP + 8, name, 14, pen.inks.ink, { bold: true }),
    text(x, TOP + 24, `${entry.path}.weights · ${windowText}`, 11, pen.inks.soft),
    ...labelItems(
      box,
      pieces(queryTokens(entry.part), rows),
      pieces(keyTokens(entry.part), columns),
      room - 8,
      pen.inks,
    ),
    ...matrixItems(data, box, pen.theme, pen.inks),
    ...lines.items,
  ];
  return { items, right: lines.right, bottom: Math.max(box.y + box.height, lines.bottom) };
}

/** The chosen query, and a line to each of its keys. */
function linkItems(x: number, y: number, pen: Pen): Block {
  const entry = attention.value;
  const row = lockedRow.value;
  if (!entry || !row?.values) return { items: [], right: x, bottom: y };
  const words = wordsOf(table);
  const links = linksOf(row.values);
  const [line, gap, room] = [22, 120, 90];
  const [from, to] = [x + room, x + room + gap];
  const first = y + 16;
  const query = state.query.value;
  const origin = first + (links.length * line) / 2;
  const labels = keyTokens(entry.part);
  const piece = queryTokens(entry.part)[query]?.piece ?? String(query);
  const items: Item[] = [text(x, y, words.lines, 12, pen.inks.ink, { bold: true })];
  items.push(
    text(from - 6, origin + 4, fitText(piece, room, 12), 12, pen.inks.ink, { anchor: "end" }),
  );
  links.forEach(({ key, weight }, at) => {
    const middle = first + (at + 0.5) * line;
    const masked = Number.isNaN(weight);
    if (!masked) {
      const line = { stroke: pen.inks.accent, strokeWidth: lineWidth(weight), role: "link" };
      items.push({ kind: "line", x1: from, y1: origin, x2: to, y2: middle, ...line });
    }
    const number = masked ? words.masked : weight.toFixed(3);
    items.push(text(to + 12, middle + 4, number, 11, pen.inks.soft));
    const label = fitText(labels[key]?.piece ?? String(key), room, 12);
    items.push(text(to + 66, middle + 4, label, 12, pen.inks.ink));
  });
  const bottom = first + links.length * line;
  if (links.length < entry.keys) {
    const sum = links.reduce((total, { weight }) => total + (weight || 0), 0);
    const most = words.linesMost(links.length, entry.keys, sum.toFixed(3));
    items.push(text(x, bottom + 16, most, 11, pen.inks.soft));
  }
  return { items, right: to + 66 + room, bottom: bottom + 16 };
}
