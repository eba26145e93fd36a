/** The picture of the view for export: the lines of the chosen row, with their numbers. */

import type { Run, Token } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { weightColour } from "../../draw/colours";
import type { Item, Scene } from "../../draw/scene/scene";
import { fitText } from "../../draw/scene/text";
import { inks, shownTheme } from "../../draw/theme";
import { visible } from "../shared/parts";
import { strokeWidth, windows } from "./ladder";
import { mean, type RowWeights, rowTokens, type VisibleRow } from "./row";
import { table } from "./words";

const ROW = 26;

const TOP = 64;

const COLUMNS = { target: 150, source: 270, bar: 390, number: 500, width: 590 };

export function picture(answer: Run, current: VisibleRow, row: RowWeights): Scene {
  const words = wordsOf(table);
  const { target, source } = windows(answer, current, row.weights);
  const ink = inks();
  const name = mean.peek()
    ? words.meanName(current.layer, current.attention.heads)
    : words.headName(current.layer, current.head);
  const labels = rowTokens(answer);
  const from = middle(current.row, target.start);
  const items: Item[] = [
    { kind: "text", x: 16, y: 26, text: name, size: 15, fill: ink.ink, bold: true },
    { kind: "text", x: 16, y: 46, text: words.weightScale, size: 12, fill: ink.soft },
  ];
  for (let key = source.start; key < source.stop; key += 1)
    items.push(
      ...keyItems(answer.source[key], row.weights[key] ?? 0, from, middle(key, source.start)),
    );
  for (let place = target.start; place < target.stop; place += 1)
    items.push(targetItem(labels[place], middle(place, target.start) + 4, place === current.row));
  const rows = Math.max(target.stop - target.start, source.stop - source.start);
  return {
    title: `${name}. ${words.linesFor(visible(labels[current.row]?.piece ?? ""))}`,
    description: words.weightScale,
    width: COLUMNS.width,
    height: TOP + rows * ROW + 16,
    background: ink.paper,
    items,
  };
}

/** The middle of a row, in a column whose first row is `start`. */
function middle(place: number, start: number): number {
  return TOP + (place - start + 0.5) * ROW;
}

/** A key with its weight: the line from the chosen row, the piece, the bar and the number. */
function keyItems(token: Token | undefined, weight: number, from: number, y: number): Item[] {
  const ink = inks();
  const piece = fitText(visible(token?.piece ?? ""), COLUMNS.bar - COLUMNS.source - 8, 13, true);
  const line = { x1: COLUMNS.target + 8, y1: from, x2: COLUMNS.source - 8, y2: y };
  const stroke = { stroke: ink.accent, strokeWidth: strokeWidth(weight) };
  const bar = { x: COLUMNS.bar, y: y - 7, height: 14 };
  const fill = weightColour(weight, shownTheme.peek());
  const text = { y: y + 4, fill: ink.ink, mono: true };
  return [
    { kind: "line", ...line, ...stroke, role: "link" },
    { kind: "text", x: COLUMNS.source, text: piece, size: 13, ...text },
    { kind: "rect", ...bar, width: 100, stroke: ink.line },
    { kind: "rect", ...bar, width: 100 * weight, fill, role: "weight" },
    { kind: "text", x: COLUMNS.number, text: format(weight), size: 12, ...text },
  ];
}

/** A word of the target; the chosen one is bold. */
function targetItem(token: Token | undefined, y: number, bold: boolean): Item {
  const ink = inks();
  const text = fitText(visible(token?.piece ?? ""), COLUMNS.target - 24, 13, true);
  const style = { size: 13, fill: bold ? ink.ink : ink.soft, mono: true, bold };
  return { kind: "text", x: COLUMNS.target, y, text, anchor: "end", ...style };
}
