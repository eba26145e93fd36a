/** The picture of the view for export: the lines of the chosen row, with their numbers. */

import type { Run } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { weightColour } from "../../draw/colours";
import type { Item, Scene } from "../../draw/scene/scene";
import { fitted } from "../../draw/scene/text";
import { inks, shownTheme } from "../../draw/theme";
import { visible } from "../shared/parts";
import { lineWidth, windows } from "./ladder";
import { mean, type RowWeights, rowTokens, type Shown } from "./row";
import { table } from "./words";

const ROW = 26;

const TOP = 64;

const COLUMNS = { target: 150, source: 270, bar: 390, number: 500, width: 590 };

export function picture(answer: Run, current: Shown, row: RowWeights): Scene {
  const words = wordsOf(table);
  const { target, source } = windows(answer, current, row.weights);
  const ink = inks();
  const name = mean.peek()
    ? words.meanName(current.layer, current.attention.heads)
    : words.headName(current.layer, current.head);
  const labels = rowTokens(answer);
  const items: Item[] = [
    { kind: "text", x: 16, y: 26, text: name, size: 15, fill: ink.ink, bold: true },
    { kind: "text", x: 16, y: 46, text: words.weightScale, size: 12, fill: ink.soft },
  ];
  const middle = (place: number, start: number) => TOP + (place - start + 0.5) * ROW;
  const from = middle(current.row, target.start);
  for (let key = source.start; key < source.stop; key += 1) {
    const weight = row.weights[key] ?? 0;
    const y = middle(key, source.start);
    const line = { x1: COLUMNS.target + 8, y1: from, x2: COLUMNS.source - 8, y2: y };
    items.push({
      kind: "line",
      ...line,
      stroke: ink.accent,
      strokeWidth: lineWidth(weight),
      role: "link",
    });
    const piece = fitted(
      visible(answer.source[key]?.piece ?? ""),
      COLUMNS.bar - COLUMNS.source - 8,
      13,
      true,
    );
    items.push({
      kind: "text",
      x: COLUMNS.source,
      y: y + 4,
      text: piece,
      size: 13,
      fill: ink.ink,
      mono: true,
    });
    const bar = { x: COLUMNS.bar, y: y - 7, height: 14 };
    const fill = weightColour(weight, shownTheme.peek());
    items.push({ kind: "rect", ...bar, width: 100, stroke: ink.line });
    items.push({ kind: "rect", ...bar, width: 100 * weight, fill, role: "weight" });
    items.push({
      kind: "text",
      x: COLUMNS.number,
      y: y + 4,
      text: format(weight),
      size: 12,
      fill: ink.ink,
      mono: true,
    });
  }
  for (let place = target.start; place < target.stop; place += 1) {
    const piece = fitted(visible(labels[place]?.piece ?? ""), COLUMNS.target - 24, 13, true);
    const [y, bold] = [middle(place, target.start) + 4, place === current.row];
    const fill = bold ? ink.ink : ink.soft;
    items.push({
      kind: "text",
      x: COLUMNS.target,
      y,
      text: piece,
      size: 13,
      fill,
      anchor: "end",
      mono: true,
      bold,
    });
  }
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
