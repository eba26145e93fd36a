/** The locked head for the picture: its matrix, and a line for each weight of the chosen query. */

import { attention, keyTokens, queryTokens, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { visible } from "../../../core/text/pieces";
import { labelItems, type MatrixData, matrixItems } from "../../../draw/scene/items";
import type { Item } from "../../../draw/scene/scene";
import { fitText, widest } from "../../../draw/scene/text";
import { linesOf } from "../../../draw/slide/lines";
import { AT_END, soft, textItem } from "../../../draw/slide/marks";
import { inks, shownTheme, TYPE } from "../../../draw/theme";
import { partName } from "../all_heads";
import { type KeyWeight, linksOf, lockedRow, lockedTile, sumOf } from "../data";
import { lineWidth } from "../lines";
import { table } from "../words";

/** Pixels of a cell's side at least, so that names can stand beside it, and at most. */
const CELL = { least: 15, most: 64 };

const MOST_HEIGHT = 640;

const BOLD = { bold: true };

/** Of the names of rows and columns. */
const ROOM = 110;

/** The locked head's weights with the names of its tokens, in about so many pixels. */
export function matrixBlock(width: number): Item[] {
  const [entry, tile] = [attention.value, lockedTile.value];
  if (!entry || !tile?.values) return [];
  const { rows, columns } = tile.window;
  const data: MatrixData = {
    kind: "weight",
    values: tile.values,
    rows: rows[1] - rows[0],
    columns: columns[1] - columns[0],
  };
  const fitting = Math.min((width - ROOM) / data.columns, MOST_HEIGHT / data.rows, CELL.most);
  const cell = Math.max(CELL.least, Math.floor(fitting));
  const ink = inks();
  const names = (tokens: { piece: string }[], range: readonly [number, number]): string[] =>
    tokens.slice(...range).map(({ piece }) => visible(piece));
  const rowNames = names(queryTokens(entry.part), rows);
  const columnNames = names(keyTokens(entry.part), columns);
  const box = { x: 0, y: 0, width: data.columns * cell, height: data.rows * cell };
  const items = [
    ...matrixItems(data, box, shownTheme.value, ink),
    ...labelItems(box, rowNames, columnNames, ROOM - 8, ink),
  ];
  const title = wordsOf(table).locked(partName(entry.part), entry.layer, state.head.value);
  const [left, above] = [rowNames, columnNames].map((all) => widest(all, ROOM, TYPE.text) + 8);
  return [...items, textItem(-left!, -above! - 14, title, BOLD)];
}

const LINE = { least: 24, most: 44 };

/** Of the title above the lines, and of the numbers before the keys' names. */
const TITLE = 34;
const NUMBERS = 78;

/** The chosen query and a line to each of its keys, in so many pixels; as high, where that is possible. */
export function linesBlock(width: number, height: number): Item[] {
  const [entry, row] = [attention.value, lockedRow.value];
  if (!entry || !row?.values) return [];
  const view = wordsOf(table);
  const links = linksOf(row.values);
  const query = state.query.value;
  const piece = visible(queryTokens(entry.part)[query]?.piece ?? String(query));
  const tokens = keyTokens(entry.part);
  const names = links.map(({ key }) => visible(tokens[key]?.piece ?? String(key)));
  const room = widest([piece], ROOM, TYPE.text) + 2;
  const line = Math.min(LINE.most, Math.max(LINE.least, (height - TITLE) / links.length));
  const ends = { from: room + 10, to: width - widest(names, ROOM, TYPE.text) - NUMBERS };
  const origin = TITLE + (links.length * line) / 2;
  return [
    textItem(0, 14, fitText(view.lines, width, TYPE.text, BOLD), BOLD),
    textItem(room, origin + 5, fitText(piece, room, TYPE.text), AT_END),
    ...links.flatMap((link, place) =>
      linkItems(link, names[place] ?? "", { ...ends, origin, y: TITLE + (place + 0.5) * line }),
    ),
    ...restItems(links, entry.keys, width, TITLE + links.length * line + 20),
  ];
}

/** A line to a key, its weight and its name. */
function linkItems(
  { weight }: KeyWeight,
  name: string,
  { from, to, origin, y }: { from: number; to: number; origin: number; y: number },
): Item[] {
  const masked = Number.isNaN(weight);
  const place = { x1: from, y1: origin, x2: to, y2: y };
  const stroke = { stroke: inks().accent, strokeWidth: lineWidth(weight), role: "link" };
  return [
    ...(masked ? [] : [{ kind: "line" as const, ...place, ...stroke }]),
    textItem(to + 12, y + 5, masked ? wordsOf(table).masked : weight.toFixed(3), soft()),
    textItem(to + NUMBERS, y + 5, fitText(name, ROOM, TYPE.text)),
  ];
}

/** How much of the row the lines show, where it is not all. */
function restItems(links: KeyWeight[], of: number, width: number, y: number): Item[] {
  if (links.length === of) return [];
  const most = wordsOf(table).linesMost(links.length, of, sumOf(links).toFixed(3));
  const lines = linesOf(most, width, TYPE.small);
  return lines.map((text, place) => textItem(0, y + 18 * place, text, soft()));
}
