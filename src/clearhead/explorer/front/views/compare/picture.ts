/** The picture of the view for export: three columns of bars with their numbers. */

import { format, signed } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { scoreColour, weightColour } from "../../draw/colours";
import type { Item } from "../../draw/scene/scene";
import { fitText, widest } from "../../draw/scene/text";
import { barScale, colourScale } from "../../draw/slide/scales";
import type { Picture } from "../../draw/slide/slide";
import { inks, shownTheme, TYPE } from "../../draw/theme";
import { visible } from "../shared/parts";
import { type Ends, type Link, scales } from "./table";
import { table } from "./words";

const ROW = 30;

const TOP = 56;

const BAR = 200;

/** From a column to the next: the bar, its number, and what parts them. */
const PITCH = 330;

/** The names of keys may be so wide. */
const NAME = 200;

type Columns = Record<"weight" | "contribution" | "effect", number>;

const MONO = { mono: true };

/** place: the head and its row; caption: what is largest, and on what the effects are. */
export function picture(place: string, caption: string, links: Link[]): Picture {
  const words = wordsOf(table);
  const ink = inks();
  const ends = scales(links);
  const end = TOP + links.length * ROW;
  const first = widest(links.map(nameOf), NAME, TYPE.text, MONO) + 24;
  const columns = { weight: first, contribution: first + PITCH, effect: first + 2 * PITCH };
  const zero = { x1: columns.effect + BAR / 2, x2: columns.effect + BAR / 2 };
  return {
    title: `${words.title}: ${place}`,
    description: [words.weightMeans, words.contributionMeans, words.effectMeans].join(" "),
    caption,
    place,
    scales: [
      colourScale("weight", 1, false),
      barScale(words.contribution, ends.contribution, false),
      barScale(words.effect, ends.effect, true),
    ],
    items: [
      ...headings(ends, columns),
      ...links.flatMap((link, row) => linkItems(link, TOP + row * ROW, ends, columns)),
      { kind: "line", ...zero, y1: TOP, y2: end, stroke: ink.soft, strokeWidth: 1 },
    ],
  };
}

function nameOf({ key, token }: Link): string {
  return `${key} ${visible(token.piece)}`;
}

/** The columns' names, and their scales. */
function headings({ contribution, effect }: Ends, places: Columns): Item[] {
  const words = wordsOf(table);
  const ink = inks();
  const columns: [number, string, string][] = [
    [places.weight, words.weight, words.weightScale],
    [places.contribution, words.contribution, words.contributionScale(format(contribution, 3))],
    [places.effect, words.effect, words.effectScale(format(effect, 3))],
  ];
  return columns.flatMap(([x, text, scale]): Item[] => [
    { kind: "text", x, y: 16, text, size: TYPE.text, fill: ink.ink, bold: true },
    { kind: "text", x, y: 36, text: scale, size: TYPE.small, fill: ink.soft },
  ]);
}

/** A key in a row: its piece, and in each column the frame, the bar and the number. */
function linkItems(link: Link, y: number, ends: Ends, columns: Columns): Item[] {
  const ink = inks();
  const theme = shownTheme.peek();
  const text = { y: y + 20, size: TYPE.text, fill: ink.ink };
  const name = fitText(nameOf(link), NAME, TYPE.text, MONO);
  const box = { y: y + 5, height: 19 };
  const frame = (x: number): Item => ({ kind: "rect", x, width: BAR, ...box, stroke: ink.line });
  const bar = (x: number, width: number, fill: string, role: string): Item[] =>
    width > 0 ? [{ kind: "rect", x, width, ...box, fill, role }] : [];
  const number = (x: number, content: string): Item => {
    return { kind: "text", x: x + BAR + 12, text: content, ...text };
  };
  const share = ends.contribution > 0 ? link.contribution / ends.contribution : 0;
  const effect = link.effect ?? -ends.effect;
  const width = ends.effect > 0 ? ((BAR / 2) * Math.abs(effect)) / ends.effect : 0;
  // As on the page: two colours, and the length says how much.
  const colour = scoreColour(Math.sign(effect), 1, theme);
  return [
    { kind: "text", x: 0, text: name, mono: true, ...text },
    frame(columns.weight),
    frame(columns.contribution),
    frame(columns.effect),
    ...bar(columns.weight, BAR * link.weight, weightColour(link.weight, theme), "weight"),
    ...bar(columns.contribution, BAR * share, ink.accent, "contribution"),
    ...bar(columns.effect + BAR / 2 - (effect < 0 ? width : 0), width, colour, "effect"),
    number(columns.weight, format(link.weight)),
    number(columns.contribution, format(link.contribution)),
    number(columns.effect, signed(link.effect)),
  ];
}
