/** The picture of the view for export: the lines of the chosen row, with their numbers. */

import type { Run, Token } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { weightColour } from "../../draw/colours";
import type { Item } from "../../draw/scene/scene";
import { fitText, widest } from "../../draw/scene/text";
import { colourScale, widthScale } from "../../draw/slide/scales";
import type { Picture } from "../../draw/slide/slide";
import { inks, shownTheme, TYPE } from "../../draw/theme";
import { visible } from "../shared/parts";
import { strokeWidth, windows } from "./ladder";
import { mean, type RowWeights, rowTokens, type VisibleRow } from "./row";
import { table } from "./words";

const ROW = 32;

/** Where the words of the target end, the ribbons begin and end, and the pieces begin. */
const COLUMNS = { target: 0, from: 14, to: 264, source: 278 };

/** So wide may a piece be, and so wide is a bar. */
const NAME = 220;

const BAR = 240;

const MONO = { mono: true };

export function picture(answer: Run, current: VisibleRow, row: RowWeights): Picture {
  const words = wordsOf(table);
  const { target, source } = windows(answer, current, row.weights);
  const name = mean.peek()
    ? words.meanName(current.layer, current.attention.heads)
    : words.headName(current.layer, current.head);
  const labels = rowTokens(answer);
  const from = middle(current.row, target.start);
  const items: Item[] = [];
  const pieces = answer.source.slice(source.start, source.stop).map(({ piece }) => visible(piece));
  const bar = COLUMNS.source + widest(pieces, NAME, TYPE.text, MONO) + 20;
  for (let key = source.start; key < source.stop; key += 1)
    items.push(
      ribbonItem(from, middle(key, source.start), strokeWidth(row.weights[key] ?? 0)),
      ...keyItems(answer.source[key], row.weights[key] ?? 0, bar, middle(key, source.start)),
    );
  for (let place = target.start; place < target.stop; place += 1)
    items.push(targetItem(labels[place], middle(place, target.start), place === current.row));
  const outside = row.weights.reduce(
    (sum, weight, key) => (key < source.start || key >= source.stop ? sum + weight : sum),
    0,
  );
  const caption = words.linesFor(visible(labels[current.row]?.piece ?? ""));
  return {
    title: `${name}. ${caption}`,
    description: words.weightScale,
    caption: outside > 0 ? `${caption}. ${words.outside(format(outside))}` : caption,
    place: name,
    scales: [widthScale(strokeWidth(1), 0), colourScale("weight", 1, false)],
    items,
  };
}

/** The middle of a row, in a column whose first row is `start`. */
function middle(place: number, start: number): number {
  return (place - start + 0.5) * ROW;
}

/** A key with its weight: the piece, the bar and the number. */
function keyItems(token: Token | undefined, weight: number, x: number, y: number): Item[] {
  const ink = inks();
  const piece = fitText(visible(token?.piece ?? ""), NAME, TYPE.text, MONO);
  const bar = { x, y: y - 9, height: 18 };
  const fill = weightColour(weight, shownTheme.peek());
  const text = { y: y + 6, size: TYPE.text, fill: ink.ink };
  return [
    { kind: "text", x: COLUMNS.source, text: piece, mono: true, ...text },
    { kind: "rect", ...bar, width: BAR, stroke: ink.line, role: "bar" },
    { kind: "rect", ...bar, width: BAR * weight, fill, role: "weight" },
    { kind: "text", x: x + BAR + 16, text: format(weight), ...text },
  ];
}

/** As on the page: level at both ends. */
function ribbonItem(from: number, to: number, width: number): Item {
  const { from: left, to: right } = COLUMNS;
  const [half, middle] = [width / 2, (left + right) / 2];
  const edge = (side: number): string => {
    const [one, other] = [from + side, to + side];
    return side < 0
      ? `M${left} ${one}C${middle} ${one} ${middle} ${other} ${right} ${other}`
      : `L${right} ${other}C${middle} ${other} ${middle} ${one} ${left} ${one}Z`;
  };
  const ends = { top: Math.min(from, to) - half, bottom: Math.max(from, to) + half };
  const box = { left, right, ...ends };
  const d = edge(-half) + edge(half);
  return { kind: "path", x: 0, y: 0, box, d, fill: inks().accent, role: "link" };
}

/** A word of the target; the chosen one is bold. */
function targetItem(token: Token | undefined, y: number, bold: boolean): Item {
  const ink = inks();
  const size = TYPE.text;
  const text = fitText(visible(token?.piece ?? ""), NAME, size, MONO);
  const style = { size, fill: bold ? ink.ink : ink.soft, mono: true, bold };
  return { kind: "text", x: COLUMNS.target, y: y + 6, text, anchor: "end", ...style };
}
