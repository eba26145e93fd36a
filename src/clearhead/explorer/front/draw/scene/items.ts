/** Matrices and legends as primitives of a scene. */

import { bytesOf, hex, type Inks, inkOn, type Kind, type Theme } from "../colours";
import type { Item } from "./scene";
import { fitText, textWidth } from "./text";

/** The smallest type of the page. */
const SMALL = 13;

/** A matrix, or a window of one; `values` is row-major. NaN and minus infinity are masked cells. */
export interface MatrixData {
  kind: Kind;
  values: ArrayLike<number>;
  rows: number;
  columns: number;
  /** The end of a score scale; not read for weights. */
  max?: number;
  masked?: (row: number, column: number) => boolean;
}

export function isMasked(data: MatrixData, row: number, column: number): boolean {
  const value = data.values[row * data.columns + column]!;
  return Number.isNaN(value) || value === -Infinity || (data.masked?.(row, column) ?? false);
}

/** The number in a cell: two decimals for weights, three digits for scores. */
export function cellText(kind: Kind, value: number): string {
  if (kind === "weight") return value.toFixed(2);
  const magnitude = Math.abs(value);
  const decimals = magnitude >= 99.95 ? 0 : magnitude >= 9.995 ? 1 : 2;
  return value.toFixed(decimals).replace("-", "−");
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The cells of a matrix in a box, with their numbers where they fit. */
export function matrixItems(data: MatrixData, box: Box, theme: Theme, inks: Inks): Item[] {
  const items: Item[] = [];
  const width = box.width / data.columns;
  const height = box.height / data.rows;
  // −12.3 is longer than a weight, and may not touch the number beside it.
  const room = textWidth(data.kind === "score" ? "−12.3" : "0.00", 1);
  const size = [16, SMALL].find((one) => room * one + 6 <= width && 1.4 * one <= height);
  for (let row = 0; row < data.rows; row += 1) {
    for (let column = 0; column < data.columns; column += 1) {
      const place = { x: box.x + column * width, y: box.y + row * height, width, height };
      const spacing = Math.max(3, Math.min(6, width / 2));
      if (isMasked(data, row, column)) {
        items.push({ kind: "rect", ...place, fill: inks.panel, role: "masked" });
        items.push({ kind: "hatch", ...place, stroke: inks.soft, spacing, strokeWidth: 0.7 });
        continue;
      }
      const value = data.values[row * data.columns + column]!;
      const bytes = bytesOf(data.kind, value, data.max ?? 0, theme);
      // A weight of 0 is nearly the paper's colour: a large cell is seen by its edge.
      const edge = width >= 12 ? { stroke: inks.line, strokeWidth: 0.5 } : {};
      items.push({ kind: "rect", ...place, fill: hex(bytes), ...edge, role: "cell" });
      if (size) {
        const text = cellText(data.kind, value);
        const [x, y] = [place.x + width / 2, place.y + height / 2 + size * 0.35];
        items.push({ kind: "text", x, y, text, size, fill: inkOn(bytes), anchor: "middle" });
      }
    }
  }
  items.push({ kind: "rect", ...box, stroke: inks.line });
  return items;
}

/** Labels of rows on the left of a box and of columns above it, cut to `room` pixels. */
export function labelItems(
  box: Box,
  rows: readonly string[],
  columns: readonly string[],
  room: number,
  inks: Inks,
): Item[] {
  const [width, height] = [box.width / columns.length, box.height / rows.length];
  const size = Math.min(width, height) >= 28 ? 16 : SMALL;
  const left = rows.map(
    (text, at): Item => ({
      kind: "text",
      x: box.x - 6,
      y: box.y + (at + 0.5) * height + size * 0.35,
      text: fitText(text, room, size),
      size,
      fill: inks.ink,
      anchor: "end",
    }),
  );
  const above = columns.map(
    (text, at): Item => ({
      kind: "text",
      x: box.x + (at + 0.5) * width + size * 0.35,
      y: box.y - 6,
      text: fitText(text, room, size),
      size,
      fill: inks.ink,
      rotate: -90,
    }),
  );
  return [...left, ...above];
}

/** What the colours mean: the scale with its ends and middle, and the hatching of masked cells. */
export interface LegendWords {
  title: string;
  /** Empty where no cell is masked. */
  masked: string;
}

export const LEGEND_WIDTH = 356;

export const LEGEND_HEIGHT = 46;

const BAR = { steps: 80, width: 200, height: 12 };

export function legendItems(
  kind: Kind,
  max: number,
  at: { x: number; y: number },
  words: LegendWords,
  theme: Theme,
  inks: Inks,
): Item[] {
  const { x, y } = at;
  const top = y + 16;
  const items: Item[] = [
    { kind: "text", x, y: y + 11, text: words.title, size: 13, fill: inks.ink },
  ];
  const step = BAR.width / BAR.steps;
  for (let bar = 0; bar < BAR.steps; bar += 1) {
    const share = (bar + 0.5) / BAR.steps;
    const value = kind === "weight" ? share : (2 * share - 1) * max;
    // A little wider than the step: no hairline of the background between two of them.
    const width = bar + 1 < BAR.steps ? step + 0.5 : step;
    const fill = hex(bytesOf(kind, value, max, theme));
    items.push({ kind: "rect", x: x + bar * step, y: top, width, height: BAR.height, fill });
  }
  items.push({ kind: "rect", x, y: top, width: BAR.width, height: BAR.height, stroke: inks.soft });
  const marks = kind === "weight" ? ["0", "0.25", "0.5", "0.75", "1"] : scoreMarks(max);
  marks.forEach((text, number) => {
    const anchor = number === 0 ? "start" : number === marks.length - 1 ? "end" : "middle";
    const place = x + (number / (marks.length - 1)) * BAR.width;
    items.push({ kind: "text", x: place, y: top + 26, text, size: 13, fill: inks.soft, anchor });
  });
  if (!words.masked) return items;
  const swatch = { x: x + BAR.width + 16, y: top, width: 18, height: BAR.height };
  items.push({ kind: "rect", ...swatch, fill: inks.panel });
  items.push({ kind: "hatch", ...swatch, stroke: inks.soft, spacing: 5, strokeWidth: 0.8 });
  items.push({ kind: "rect", ...swatch, stroke: inks.soft });
  const [labelX, labelY] = [swatch.x + 24, top + 11];
  items.push({ kind: "text", x: labelX, y: labelY, text: words.masked, size: 13, fill: inks.ink });
  return items;
}

/** The ends of a score scale, its middle, and what lies half-way where there is room. */
function scoreMarks(max: number): string[] {
  const [end, half] = [scaleMark(-max), scaleMark(-max / 2)];
  // The first begins at the edge, the second is centred on the bar's first quarter.
  const room = textWidth(end, 13) + textWidth(half, 13) / 2 + 10 <= BAR.width / 4;
  const marks = room ? [-1, -0.5, 0, 0.5, 1] : [-1, 0, 1];
  return marks.map((mark) => scaleMark(mark * max));
}

/** Three digits of a score, with a real minus sign. */
export function scaleMark(value: number): string {
  if (value === 0) return "0";
  return String(Number(value.toPrecision(3))).replace("-", "−");
}
