/** The picture of the view for export: what each layer would say, and what adds to the logit. */

import type { LayerSaying, Lens, LogitSum, Token } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { scoreColour } from "../../draw/colours";
import type { Item } from "../../draw/scene/scene";
import { fitText, widthOf } from "../../draw/scene/text";
import { barScale } from "../../draw/slide/scales";
import { CONTENT_WIDTH, type Picture } from "../../draw/slide/slide";
import { inks, shownTheme, TYPE } from "../../draw/theme";
import { visible } from "../shared/parts";
import { nameOf } from "./summands";
import { table } from "./words";

const ROW = 30;

const HEAD = 34;

/** Of the layers: where the tokens and the bar begin, the right edges of the rank and of the number. */
const COLUMNS = { tokens: 150, rank: 780, bar: 820, number: CONTENT_WIDTH };

const BAR = 280;

/** Of the summands, in two columns: where the bar begins, its width, and the number's right edge. */
const SUMMANDS = { bar: 300, width: 150, number: CONTENT_WIDTH / 2 - 36 };

/** place: the position at which the model predicts, in words. */
export function picture(lens: Lens, place: string): Picture {
  const words = wordsOf(table);
  const bottom = HEAD + lens.layers.length * ROW;
  const sum = lens.sum;
  const most = sum ? mostOf(sum) : 0;
  return {
    title: `${words.title}: ${place}`,
    description: words.lensIntro,
    caption: sum
      ? `${words.lensTitle}. ${words.sumTitle(visible(lens.token.piece))}: ${format(sum.logit)}`
      : `${words.lensTitle}. ${words.noSum}`,
    place,
    scales: [
      barScale(words.probability(visible(finalOf(lens).piece)), 1, false),
      ...(sum ? [barScale(words.value, most, true)] : []),
    ],
    items: [
      ...headings(finalOf(lens)),
      ...lens.layers.flatMap((layer, row) => layerItems(lens, layer, HEAD + row * ROW)),
      ...(sum ? summandItems(sum, visible(lens.token.piece), bottom + 30, most) : []),
    ],
  };
}

function finalOf(lens: Lens): Token {
  return lens.layers[lens.layers.length - 1]?.likeliest[0]?.token as Token;
}

function headings(final: Token): Item[] {
  const words = wordsOf(table);
  const piece = visible(final.piece);
  const style = { y: 14, size: TYPE.small, fill: inks().soft };
  const probability = fitText(words.probability(piece), CONTENT_WIDTH - COLUMNS.bar, TYPE.small);
  return [
    { kind: "text", x: 0, text: words.layers, ...style },
    { kind: "text", x: COLUMNS.tokens, text: words.likeliest, ...style },
    { kind: "text", x: COLUMNS.rank, text: words.rank(piece), anchor: "end", ...style },
    { kind: "text", x: COLUMNS.bar, text: probability, ...style },
  ];
}

function layerItems(lens: Lens, layer: LayerSaying, y: number): Item[] {
  const words = wordsOf(table);
  const ink = inks();
  const depth = lens.layers.length - 1;
  const { layers, rank, probability } = layer;
  const name = layers === 0 ? words.embedding : layers === depth ? words.all(depth) : `${layers}`;
  const text = { y: y + 15, size: TYPE.text, fill: ink.ink };
  const bold = rank === 1;
  const bar = { x: COLUMNS.bar, y: y + 1, height: 18 };
  return [
    { kind: "text", x: 0, text: name, bold, ...text },
    ...tokenItems(layer, y),
    { kind: "text", x: COLUMNS.rank, text: rank.toLocaleString(), anchor: "end", ...text },
    { kind: "rect", ...bar, width: BAR, stroke: ink.line, role: "bar" },
    { kind: "rect", ...bar, width: BAR * probability, fill: ink.accent, role: "probability" },
    { kind: "text", x: COLUMNS.number, text: format(probability, 3), anchor: "end", ...text },
  ];
}

/** As many of the likeliest tokens, each with its probability, as there is room for. */
function tokenItems({ likeliest }: LayerSaying, y: number): Item[] {
  const ink = inks();
  const items: Item[] = [];
  let x = COLUMNS.tokens;
  for (const { token, probability } of likeliest) {
    const [piece, share] = [visible(token.piece), format(probability, 2)];
    const width = widthOf(piece, TYPE.text, { mono: true });
    const end = x + width + 6 + widthOf(share, TYPE.small);
    if (end > COLUMNS.rank - 60 && items.length) break;
    const style = { y: y + 15 };
    items.push(
      { kind: "text", x, ...style, text: piece, size: TYPE.text, fill: ink.ink, mono: true },
      { kind: "text", x: x + width + 6, ...style, text: share, size: TYPE.small, fill: ink.soft },
    );
    x = end + 22;
  }
  return items;
}

function mostOf(sum: LogitSum): number {
  return Math.max(...sum.summands.map(({ value }) => Math.abs(value)), 1e-12);
}

function summandItems(sum: LogitSum, piece: string, top: number, most: number): Item[] {
  const words = wordsOf(table);
  const ink = inks();
  const rows = sum.summands.map((one) => ({ name: nameOf(one), value: one.value }));
  if (sum.others > 0) rows.push({ name: words.others(sum.others), value: sum.others_sum });
  const each = Math.ceil(rows.length / 2);
  const title = { size: TYPE.text, fill: ink.ink, bold: true };
  return [
    { kind: "text", x: 0, y: top, text: words.sumTitle(piece), ...title },
    ...rows.flatMap(({ name, value }, place) => {
      const x = place < each ? 0 : CONTENT_WIDTH / 2 + 36;
      return summandRow(name, value, most, x, top + 16 + (place % each) * ROW);
    }),
  ];
}

function summandRow(name: string, value: number, most: number, x: number, y: number): Item[] {
  const ink = inks();
  const { bar, width, number } = SUMMANDS;
  // The rest together may be more than any one of the parts: its bar then ends where the scale does.
  const size = (width / 2) * Math.min(1, Math.abs(value) / most);
  const middle = x + bar + width / 2;
  const box = { y: y + 1, height: 18 };
  const fill = scoreColour(Math.sign(value), 1, shownTheme.peek());
  const text = { y: y + 15, size: TYPE.text, fill: ink.ink };
  const nameSize = widthOf(name, TYPE.text) <= bar - 12 ? TYPE.text : TYPE.small;
  return [
    { kind: "text", x, ...text, text: fitText(name, bar - 12, nameSize), size: nameSize },
    { kind: "rect", x: x + bar, ...box, width, stroke: ink.line, role: "bar" },
    {
      kind: "rect",
      x: value < 0 ? middle - size : middle,
      ...box,
      width: size,
      fill,
      role: "adds",
    },
    { kind: "text", x: x + number, text: format(value), anchor: "end", ...text },
  ];
}
