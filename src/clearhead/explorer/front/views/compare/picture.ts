/** The picture of the view for export: three columns of bars with their numbers. */

import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { scoreColour, weightColour } from "../../draw/colours";
import type { Item, Scene } from "../../draw/scene/scene";
import { fitted } from "../../draw/scene/text";
import { inks, shownTheme } from "../../draw/theme";
import { visible } from "../shared/parts";
import { type Link, scales, signed } from "./table";
import { table } from "./words";

const ROW = 24;

const TOP = 84;

const BAR = 130;

const COLUMNS = { weight: 150, contribution: 370, effect: 590, width: 820 };

export function picture(title: string, description: string, shown: Link[]): Scene {
  const words = wordsOf(table);
  const ink = inks();
  const theme = shownTheme.peek();
  const most = scales(shown);
  const heads: [number, string, string][] = [
    [COLUMNS.weight, words.weight, words.weightScale],
    [
      COLUMNS.contribution,
      words.contribution,
      words.contributionScale(format(most.contribution, 3)),
    ],
    [COLUMNS.effect, words.effect, words.effectScale(format(most.effect, 3))],
  ];
  const items: Item[] = [
    {
      kind: "text",
      x: 16,
      y: 26,
      text: fitted(title, COLUMNS.width - 32, 15),
      size: 15,
      fill: ink.ink,
      bold: true,
    },
  ];
  for (const [x, name, scale] of heads) {
    items.push({ kind: "text", x, y: 56, text: name, size: 13, fill: ink.ink, bold: true });
    items.push({ kind: "text", x, y: 72, text: scale, size: 11, fill: ink.soft });
  }
  shown.forEach((link, row) => {
    const y = TOP + row * ROW;
    const name = fitted(`${link.key} ${visible(link.token.piece)}`, COLUMNS.weight - 32, 13, true);
    items.push({ kind: "text", x: 16, y: y + 15, text: name, size: 13, fill: ink.ink, mono: true });
    const carried = most.contribution > 0 ? link.contribution / most.contribution : 0;
    const frame = (x: number): Item => ({
      kind: "rect",
      x,
      y: y + 3,
      width: BAR,
      height: 15,
      stroke: ink.line,
    });
    const bar = (x: number, width: number, fill: string, role: string): Item[] =>
      width > 0 ? [{ kind: "rect", x, y: y + 3, width, height: 15, fill, role }] : [];
    items.push(frame(COLUMNS.weight), frame(COLUMNS.contribution), frame(COLUMNS.effect));
    items.push(
      ...bar(COLUMNS.weight, BAR * link.weight, weightColour(link.weight, theme), "weight"),
    );
    items.push(...bar(COLUMNS.contribution, BAR * carried, ink.soft, "contribution"));
    const effect = link.effect ?? -most.effect;
    const width = most.effect > 0 ? ((BAR / 2) * Math.abs(effect)) / most.effect : 0;
    const middle = COLUMNS.effect + BAR / 2;
    items.push(
      ...bar(
        effect < 0 ? middle - width : middle,
        width,
        scoreColour(effect, most.effect, theme),
        "effect",
      ),
    );
    const figures: [number, string][] = [
      [COLUMNS.weight, format(link.weight)],
      [COLUMNS.contribution, format(link.contribution)],
      [COLUMNS.effect, signed(link.effect)],
    ];
    for (const [x, figure] of figures)
      items.push({
        kind: "text",
        x: x + BAR + 8,
        y: y + 15,
        text: figure,
        size: 12,
        fill: ink.ink,
        mono: true,
      });
  });
  const middle = COLUMNS.effect + BAR / 2;
  const end = TOP + shown.length * ROW;
  items.push({
    kind: "line",
    x1: middle,
    y1: TOP,
    x2: middle,
    y2: end,
    stroke: ink.soft,
    strokeWidth: 1,
  });
  return {
    title,
    description,
    width: COLUMNS.width,
    height: end + 16,
    background: ink.paper,
    items,
  };
}
