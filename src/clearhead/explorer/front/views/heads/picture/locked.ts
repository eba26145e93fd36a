/** The locked head for the picture: its matrix, and a line for each weight of the chosen query. */

import { attention, keyTokens, queryTokens, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { visible } from "../../../core/text/pieces";
import { labelItems, type MatrixData, matrixItems } from "../../../draw/scene/items";
import type { Item } from "../../../draw/scene/scene";
import { fitText, widthOf } from "../../../draw/scene/text";
import { linesOf } from "../../../draw/slide/lines";
import { inks, shownTheme, TYPE } from "../../../draw/theme";
import { partName } from "../all_heads";
import { linksOf, lockedRow, lockedTile } from "../data";
import { lineWidth } from "../lines";
import { table } from "../words";

/** Pixels of a cell's side at least, so that names can stand beside it, and at most. */
const CELL = { least: 15, most: 64 };

const MOST_HEIGHT = 640;

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
  const box = { x: 0, y: 0, width: data.columns * cell, height: data.rows * cell };
  const items = [
    ...matrixItems(data, box, shownTheme.value, ink),
    ...labelItems(
      box,
      names(queryTokens(entry.part), rows),
      names(keyTokens(entry.part), columns),
      ROOM - 8,
      ink,
    ),
  ];
  const title = wordsOf(table).locked(partName(entry.part), entry.layer, state.head.value);
  const longest = Math.max(...names(keyTokens(entry.part), columns).map(labelWidth));
  const style = { size: TYPE.text, fill: ink.ink, bold: true };
  const x = -Math.min(ROOM, Math.max(...names(queryTokens(entry.part), rows).map(labelWidth)) + 8);
  return [
    ...items,
    { kind: "text", x, y: -Math.min(ROOM, longest + 8) - 14, text: title, ...style },
  ];
}

function labelWidth(text: string): number {
  return widthOf(text, TYPE.text);
}

const LINE = { least: 24, most: 44 };

/** The chosen query and a line to each of its keys, in so many pixels; as high, where that is possible. */
export function linesBlock(width: number, height: number): Item[] {
  const [entry, row] = [attention.value, lockedRow.value];
  if (!entry || !row?.values) return [];
  const words = wordsOf(table);
  const ink = inks();
  const links = linksOf(row.values);
  const query = state.query.value;
  const piece = visible(queryTokens(entry.part)[query]?.piece ?? String(query));
  const style = { size: TYPE.text, fill: ink.ink };
  const room = Math.min(ROOM, widthOf(piece, TYPE.text) + 2);
  const [from, to] = [room + 10, width - ROOM - 78];
  const line = Math.min(LINE.most, Math.max(LINE.least, (height - 34) / links.length));
  const top = 34;
  const origin = top + (links.length * line) / 2;
  const items: Item[] = [
    {
      kind: "text",
      x: 0,
      y: 14,
      text: fitText(words.lines, width, TYPE.text, { bold: true }),
      ...style,
      bold: true,
    },
    {
      kind: "text",
      x: room,
      y: origin + 5,
      text: fitText(piece, room, TYPE.text),
      ...style,
      anchor: "end",
    },
  ];
  const labels = keyTokens(entry.part);
  links.forEach(({ key, weight }, place) => {
    const middle = top + (place + 0.5) * line;
    const masked = Number.isNaN(weight);
    if (!masked) {
      const stroke = { stroke: ink.accent, strokeWidth: lineWidth(weight), role: "link" };
      items.push({ kind: "line", x1: from, y1: origin, x2: to, y2: middle, ...stroke });
    }
    const number = masked ? words.masked : weight.toFixed(3);
    const label = fitText(visible(labels[key]?.piece ?? String(key)), ROOM, TYPE.text);
    items.push(
      { kind: "text", x: to + 12, y: middle + 5, text: number, size: TYPE.small, fill: ink.soft },
      { kind: "text", x: to + 78, y: middle + 5, text: label, ...style },
    );
  });
  if (links.length < entry.keys) {
    const sum = links.reduce((total, { weight }) => total + (weight || 0), 0);
    const most = words.linesMost(links.length, entry.keys, sum.toFixed(3));
    linesOf(most, width, TYPE.small).forEach((text, place) => {
      const y = top + links.length * line + 20 + 18 * place;
      items.push({ kind: "text", x: 0, y, text, size: TYPE.small, fill: ink.soft });
    });
  }
  return items;
}
