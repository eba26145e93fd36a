/** The picture of the view for export: three columns of bars with their numbers. */

import { format, signed } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { weightColour } from "../../draw/colours";
import type { Item } from "../../draw/scene/scene";
import { fitText, widest } from "../../draw/scene/text";
import { barItems, divergingItems, MONO, soft, textItem } from "../../draw/slide/marks";
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

/** place: the head and its row; caption: what is largest, and on what the effects are. */
export function picture(place: string, caption: string, links: Link[]): Picture {
  const view = wordsOf(table);
  const ends = scales(links);
  const first = widest(links.map(nameOf), NAME, TYPE.text, MONO) + 24;
  const middle = first + 2 * PITCH + BAR / 2;
  const zero = { x1: middle, x2: middle, y1: TOP, y2: TOP + links.length * ROW };
  return {
    title: `${view.title}: ${place}`,
    description: [view.weightMeans, view.contributionMeans, view.effectMeans].join(" "),
    caption,
    place,
    scales: [
      colourScale("weight", 1, false),
      barScale(view.contribution, ends.contribution, false),
      barScale(view.effect, ends.effect, true),
    ],
    items: [
      ...headings(ends, first),
      ...links.flatMap((link, row) => linkItems(link, TOP + row * ROW, ends, first)),
      { kind: "line", ...zero, stroke: inks().soft, strokeWidth: 1 },
    ],
  };
}

function nameOf({ key, token }: Link): string {
  return `${key} ${visible(token.piece)}`;
}

/** The columns' names, and their scales. */
function headings({ contribution, effect }: Ends, first: number): Item[] {
  const view = wordsOf(table);
  const columns: [string, string][] = [
    [view.weight, view.weightScale],
    [view.contribution, view.contributionScale(format(contribution, 3))],
    [view.effect, view.effectScale(format(effect, 3))],
  ];
  return columns.flatMap(([name, scale], column) => [
    textItem(first + column * PITCH, 16, name, { bold: true }),
    textItem(first + column * PITCH, 36, scale, soft()),
  ]);
}

/** A key in a row: its piece, and in each column the bar and the number. */
function linkItems(link: Link, y: number, ends: Ends, first: number): Item[] {
  const { weight, contribution } = link;
  const effect = link.effect ?? -ends.effect;
  const box = (column: number) => ({ x: first + column * PITCH, y: y + 5, width: BAR, height: 19 });
  const share = (part: number, of: number): number => (of > 0 ? part / of : 0);
  const numbers = [format(weight), format(contribution), signed(link.effect)];
  return [
    textItem(0, y + 20, fitText(nameOf(link), NAME, TYPE.text, MONO), MONO),
    ...barItems(box(0), weight, weightColour(weight, shownTheme.peek()), "weight"),
    ...barItems(box(1), share(contribution, ends.contribution), inks().accent, "contribution"),
    ...divergingItems(box(2), share(effect, ends.effect), "effect"),
    ...numbers.map((text, column) => textItem(box(column).x + BAR + 12, y + 20, text)),
  ];
}
