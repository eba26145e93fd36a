/** The picture of the view for export: three columns of bars with their numbers. */

import { format, signed } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { scoreColour, weightColour } from "../../draw/colours";
import type { Item, Scene } from "../../draw/scene/scene";
import { fitText } from "../../draw/scene/text";
import { inks, shownTheme } from "../../draw/theme";
import { visible } from "../shared/parts";
import { type Ends, type Link, scales } from "./table";
import { table } from "./words";

const ROW = 24;

const TOP = 84;

const BAR = 130;

const COLUMNS = { weight: 150, contribution: 370, effect: 590, width: 820 };

/** Where the bars of effects have their 0. */
const MIDDLE = COLUMNS.effect + BAR / 2;

export function picture(title: string, description: string, links: Link[]): Scene {
  const ink = inks();
  const ends = scales(links);
  const end = TOP + links.length * ROW;
  const name = fitText(title, COLUMNS.width - 32, 15);
  return {
    title,
    description,
    width: COLUMNS.width,
    height: end + 16,
    background: ink.paper,
    items: [
      { kind: "text", x: 16, y: 26, text: name, size: 15, fill: ink.ink, bold: true },
      ...headings(ends),
      ...links.flatMap((link, row) => linkItems(link, TOP + row * ROW, ends)),
      { kind: "line", x1: MIDDLE, y1: TOP, x2: MIDDLE, y2: end, stroke: ink.soft, strokeWidth: 1 },
    ],
  };
}

/** The columns' names, and their scales. */
function headings({ contribution, effect }: Ends): Item[] {
  const words = wordsOf(table);
  const ink = inks();
  const columns: [number, string, string][] = [
    [COLUMNS.weight, words.weight, words.weightScale],
    [COLUMNS.contribution, words.contribution, words.contributionScale(format(contribution, 3))],
    [COLUMNS.effect, words.effect, words.effectScale(format(effect, 3))],
  ];
  return columns.flatMap(([x, name, scale]): Item[] => [
    { kind: "text", x, y: 56, text: name, size: 13, fill: ink.ink, bold: true },
    { kind: "text", x, y: 72, text: scale, size: 11, fill: ink.soft },
  ]);
}

/** A key in a row: its piece, and in each column the frame, the bar and the number. */
function linkItems(link: Link, y: number, ends: Ends): Item[] {
  const ink = inks();
  const theme = shownTheme.peek();
  const name = fitText(`${link.key} ${visible(link.token.piece)}`, COLUMNS.weight - 32, 13, true);
  const box = { y: y + 3, height: 15 };
  const frame = (x: number): Item => ({ kind: "rect", x, width: BAR, ...box, stroke: ink.line });
  const bar = (x: number, width: number, fill: string, role: string): Item[] =>
    width > 0 ? [{ kind: "rect", x, width, ...box, fill, role }] : [];
  const number = (x: number, text: string): Item => {
    const style = { size: 12, fill: ink.ink, mono: true };
    return { kind: "text", x: x + BAR + 8, y: y + 15, text, ...style };
  };
  const share = ends.contribution > 0 ? link.contribution / ends.contribution : 0;
  const effect = link.effect ?? -ends.effect;
  const width = ends.effect > 0 ? ((BAR / 2) * Math.abs(effect)) / ends.effect : 0;
  const colour = scoreColour(effect, ends.effect, theme);
  return [
    { kind: "text", x: 16, y: y + 15, text: name, size: 13, fill: ink.ink, mono: true },
    frame(COLUMNS.weight),
    frame(COLUMNS.contribution),
    frame(COLUMNS.effect),
    ...bar(COLUMNS.weight, BAR * link.weight, weightColour(link.weight, theme), "weight"),
    ...bar(COLUMNS.contribution, BAR * share, ink.soft, "contribution"),
    ...bar(effect < 0 ? MIDDLE - width : MIDDLE, width, colour, "effect"),
    number(COLUMNS.weight, format(link.weight)),
    number(COLUMNS.contribution, format(link.contribution)),
    number(COLUMNS.effect, signed(link.effect)),
  ];
}
