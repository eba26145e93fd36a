/** The picture of the view for export: what each layer would say, and what adds to the logit. */

import type { LayerSaying, Lens, LogitSum, Token } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import type { Item } from "../../draw/scene/scene";
import { fitText, widest, widthOf } from "../../draw/scene/text";
import { AT_END, barItems, divergingItems, MONO, soft, textItem } from "../../draw/slide/marks";
import { barScale } from "../../draw/slide/scales";
import { CONTENT_WIDTH, type Picture } from "../../draw/slide/slide";
import { inks, TYPE } from "../../draw/theme";
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
  const view = wordsOf(table);
  const bottom = HEAD + lens.layers.length * ROW;
  const sum = lens.sum;
  const most = sum ? mostOf(sum) : 0;
  return {
    title: `${view.title}: ${place}`,
    description: view.lensIntro,
    caption: sum
      ? `${view.lensTitle}. ${view.sumTitle(visible(lens.token.piece))}: ${format(sum.logit)}`
      : `${view.lensTitle}. ${view.noSum}`,
    place,
    scales: [
      barScale(view.probability(visible(finalOf(lens).piece)), 1, false),
      ...(sum ? [barScale(view.value, most, true)] : []),
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
  const view = wordsOf(table);
  const piece = visible(final.piece);
  const probability = fitText(view.probability(piece), CONTENT_WIDTH - COLUMNS.bar, TYPE.small);
  return [
    textItem(0, 14, view.layers, soft()),
    textItem(COLUMNS.tokens, 14, view.likeliest, soft()),
    textItem(COLUMNS.rank, 14, view.rank(piece), { ...soft(), ...AT_END }),
    textItem(COLUMNS.bar, 14, probability, soft()),
  ];
}

function layerItems(lens: Lens, layer: LayerSaying, y: number): Item[] {
  const view = wordsOf(table);
  const depth = lens.layers.length - 1;
  const { layers, rank, probability } = layer;
  const name = layers === 0 ? view.embedding : layers === depth ? view.all(depth) : `${layers}`;
  const box = { x: COLUMNS.bar, y: y + 1, width: BAR, height: 18 };
  return [
    textItem(0, y + 15, name, { bold: rank === 1 }),
    ...tokenItems(layer, y + 15),
    textItem(COLUMNS.rank, y + 15, rank.toLocaleString(), AT_END),
    ...barItems(box, probability, inks().accent, "probability"),
    textItem(COLUMNS.number, y + 15, format(probability, 3), AT_END),
  ];
}

/** As many of the likeliest tokens, each with its probability, as there is room for. */
function tokenItems({ likeliest }: LayerSaying, y: number): Item[] {
  const items: Item[] = [];
  let x = COLUMNS.tokens;
  for (const { token, probability } of likeliest) {
    const [piece, share] = [visible(token.piece), format(probability, 2)];
    const start = x + widthOf(piece, TYPE.text, MONO) + 6;
    const end = start + widthOf(share, TYPE.small);
    if (end > COLUMNS.rank - 60 && items.length) break;
    items.push(textItem(x, y, piece, MONO), textItem(start, y, share, soft()));
    x = end + 22;
  }
  return items;
}

function mostOf(sum: LogitSum): number {
  return Math.max(...sum.summands.map(({ value }) => Math.abs(value)), 1e-12);
}

/** The rest together may be more than any one of the parts: its bar then ends where the scale does. */
function summandItems(sum: LogitSum, piece: string, top: number, most: number): Item[] {
  const view = wordsOf(table);
  const rows = sum.summands.map((one) => ({ name: nameOf(one), value: one.value }));
  if (sum.others > 0) rows.push({ name: view.others(sum.others), value: sum.others_sum });
  const each = Math.ceil(rows.length / 2);
  const room = SUMMANDS.bar - 12;
  const names = rows.map(({ name }) => name);
  const size = widest(names, Infinity, TYPE.text) <= room ? TYPE.text : TYPE.small;
  return [
    textItem(0, top, view.sumTitle(piece), { bold: true }),
    ...rows.flatMap(({ name, value }, place) => {
      const x = place < each ? 0 : CONTENT_WIDTH / 2 + 36;
      const y = top + 16 + (place % each) * ROW;
      const bars = divergingItems(
        { x: x + SUMMANDS.bar, y: y + 1, width: SUMMANDS.width, height: 18 },
        value / most,
        "adds",
      );
      return [
        textItem(x, y + 15, fitText(name, room, size), { size }),
        ...bars,
        textItem(x + SUMMANDS.number, y + 15, format(value), AT_END),
      ];
    }),
  ];
}
