/** The picture of the view for export: the lines of the chosen row, with their numbers. */

import type { Run, Token } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { weightColour } from "../../draw/colours";
import type { Item } from "../../draw/scene/scene";
import { fitText, widest } from "../../draw/scene/text";
import { AT_END, barItems, MONO, textItem } from "../../draw/slide/marks";
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

export function picture(answer: Run, current: VisibleRow, row: RowWeights): Picture {
  const view = wordsOf(table);
  const { target, source } = windows(answer, current, row.weights);
  const name = mean.peek()
    ? view.meanName(current.layer, current.attention.heads)
    : view.headName(current.layer, current.head);
  const labels = rowTokens(answer);
  const from = middle(current.row, target.start);
  const pieces = answer.source.slice(source.start, source.stop).map(({ piece }) => visible(piece));
  const bars = COLUMNS.source + widest(pieces, NAME, TYPE.text, MONO) + 20;
  const items: Item[] = pieces.flatMap((piece, place) => {
    const weight = row.weights[source.start + place] ?? 0;
    const y = middle(place, 0);
    return [ribbonItem(from, y, strokeWidth(weight)), ...keyItems(piece, weight, bars, y)];
  });
  for (let place = target.start; place < target.stop; place += 1)
    items.push(targetItem(labels[place], middle(place, target.start), place === current.row));
  const outside = row.weights.reduce(
    (sum, weight, key) => (key < source.start || key >= source.stop ? sum + weight : sum),
    0,
  );
  const caption = view.linesFor(visible(labels[current.row]?.piece ?? ""));
  return {
    title: `${name}. ${caption}`,
    description: view.weightScale,
    caption: outside > 0 ? `${caption}. ${view.outside(format(outside))}` : caption,
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
function keyItems(piece: string, weight: number, x: number, y: number): Item[] {
  const box = { x, y: y - 9, width: BAR, height: 18 };
  return [
    textItem(COLUMNS.source, y + 6, fitText(piece, NAME, TYPE.text, MONO), MONO),
    ...barItems(box, weight, weightColour(weight, shownTheme.peek()), "weight"),
    textItem(x + BAR + 16, y + 6, format(weight)),
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
  const text = fitText(visible(token?.piece ?? ""), NAME, TYPE.text, MONO);
  const style = { ...AT_END, ...MONO, bold, fill: bold ? ink.ink : ink.soft };
  return textItem(COLUMNS.target, y + 6, text, style);
}
