/** A picture as one would put it on a slide: the sentence and what the model made of it above, the
 * model's name, the head and the scales below, as large as its content with the same margin on all
 * sides. No picture is wider than 1,280 pixels, and no type in it smaller than 13. */

import type { Inks } from "../colours";
import { boundsOf, moved } from "../scene/bounds";
import type { Item, Scene, TextItem } from "../scene/scene";
import { type Face, widthOf } from "../scene/text";
import { TYPE } from "../theme";
import { fewLines, linesOf } from "./lines";
import type { Scale } from "./scales";

/** Pixels on each side of the content. */
export const MARGIN = 40;
/** As wide as a content may be. */
export const CONTENT_WIDTH = 1280 - 2 * MARGIN;
/** At least, since scales need room, and so does a title, if not as much as it likes. */
const LEAST_WIDTH = 640;
const TITLE_WIDTH = 960;
const GAP = 28;

/** What a view draws of itself; the items stand anywhere. */
export interface Picture {
  /** What it shows, for those who cannot see it. */
  title: string;
  description?: string;
  /** Under the sentence: what is to be seen. */
  caption: string;
  /** Which part, layer and head. */
  place: string;
  scales: Scale[];
  items: Item[];
  /** Whether it stands in the middle where its title is wider. */
  centred?: boolean;
}

/** What stands around every picture. */
export interface Frame {
  sentence: string;
  /** What the model made of it; empty where it makes nothing. */
  result: string;
  /** The model's name, and what was changed in it. */
  model: string;
}

interface Block {
  items: Item[];
  bottom: number;
}

export function slideOf(picture: Picture, frame: Frame, inks: Inks): Scene {
  const own = boundsOf(picture.items);
  const content = own.right - own.left;
  const title = Math.min(TITLE_WIDTH, widthOf(titleOf(frame), TYPE.display, SERIF) + 1);
  const width = Math.ceil(Math.max(LEAST_WIDTH, content, title));
  const head = headOf(frame, picture.caption, width, inks);
  const top = head.bottom + GAP;
  const right = MARGIN + (picture.centred ? (width - content) / 2 : 0) - own.left;
  const body = picture.items.map((item) => moved(item, right, top - own.top));
  const foot = footOf(frame, picture, top + own.bottom - own.top + GAP, width, inks);
  return {
    title: picture.title,
    description: [titleOf(frame), picture.caption, picture.description].filter(Boolean).join(" "),
    width: width + 2 * MARGIN,
    height: Math.ceil(foot.bottom + MARGIN),
    background: inks.paper,
    items: [...head.items, ...body, ...foot.items],
  };
}

function titleOf({ sentence, result }: Frame): string {
  return result ? `${sentence} → ${result}` : sentence;
}

/** Sizes for the title, and in how many lines it may stand in each. */
const TITLES: [size: number, most: number][] = [
  [TYPE.display, 2],
  [TYPE.title, 4],
  [TYPE.lead, 6],
  [TYPE.text, 12],
];

const SERIF: Face = { serif: true };

function headOf(frame: Frame, caption: string, width: number, inks: Inks): Block {
  const { size, lines } = titleLines(frame, width);
  const title = { size, fill: inks.ink, serif: true, role: "slide-title" };
  const above = stacked(lines, MARGIN, 1.28, title);
  const under = { size: TYPE.text, fill: inks.soft, role: "slide-caption" };
  const below = stacked(linesOf(caption, width, TYPE.text), above.bottom + 6, 1.4, under);
  return { items: [...above.items, ...below.items], bottom: below.bottom };
}

/** The sentence and the result in one line, or below one another in the largest type that fits. */
function titleLines(frame: Frame, width: number): { size: number; lines: string[] } {
  const parts = [frame.sentence, frame.result && `→ ${frame.result}`].filter(Boolean);
  for (const [size, most] of TITLES) {
    const whole = titleOf(frame);
    if (widthOf(whole, size, SERIF) <= width) return { size, lines: [whole] };
    const lines = parts.flatMap((part) => linesOf(part, width, size, SERIF));
    if (lines.length <= most) return { size, lines };
  }
  const [size, most] = TITLES[TITLES.length - 1]!;
  // A page of text: its beginning, and that of the result; all of both is in the description.
  const each = Math.floor(most / parts.length);
  return { size, lines: parts.flatMap((part) => fewLines(part, each, width, size, SERIF)) };
}

type Style = Omit<TextItem, "kind" | "x" | "y" | "text">;

function stacked(lines: readonly string[], top: number, spacing: number, style: Style): Block {
  const height = style.size * spacing;
  const items = lines.map((text, place): Item => {
    const y = top + place * height + 0.93 * style.size;
    return { kind: "text", x: MARGIN, y, text, ...style };
  });
  const bottom = lines.length ? top + (lines.length - 1) * height + 1.17 * style.size : top;
  return { items, bottom };
}

/** Under a line: the model's name and the head on the left, the scales on the right; where they do not
 * fit, the scales stand below. */
function footOf(frame: Frame, picture: Picture, top: number, width: number, inks: Inks): Block {
  const line = { x1: MARGIN, y1: top, x2: MARGIN + width, y2: top, stroke: inks.line };
  const rule: Item = { kind: "line", ...line, strokeWidth: 1, role: "slide-rule" };
  const wide = picture.scales.reduce((sum, scale) => sum + widthOfItems(scale) + GAP, 0);
  const beside = width - wide >= NAMES_WIDTH;
  const names = namesOf(frame, picture, top + 14, beside ? width - wide : width, inks);
  const place = beside ? { x: width - wide + GAP, y: top + 14 } : { x: 0, y: names.bottom + 12 };
  const scales = scalesFrom(picture.scales, place, width);
  return {
    items: [rule, ...names.items, ...scales.items],
    bottom: Math.max(names.bottom, scales.bottom),
  };
}

/** The name of a model needs so many pixels. */
const NAMES_WIDTH = 240;

function widthOfItems(items: Item[]): number {
  const { left, right } = boundsOf(items);
  return right - left;
}

/** Scales beside one another, in as many rows as they need. */
function scalesFrom(scales: Scale[], place: { x: number; y: number }, width: number): Block {
  const items: Item[] = [];
  let { x, y } = place;
  let bottom = y;
  for (const scale of scales) {
    const own = boundsOf(scale);
    const size = own.right - own.left;
    if (x > 0 && x + size > width + 1) [x, y] = [0, bottom + 12];
    items.push(...scale.map((item) => moved(item, MARGIN + x - own.left, y - own.top)));
    bottom = Math.max(bottom, y + own.bottom - own.top);
    x += size + GAP;
  }
  return { items, bottom };
}

function namesOf(frame: Frame, picture: Picture, top: number, width: number, inks: Inks): Block {
  const model = { size: TYPE.text, fill: inks.ink, bold: true, role: "slide-model" };
  const above = stacked(linesOf(frame.model, width, TYPE.text, model), top, 1.35, model);
  const place = { size: TYPE.text, fill: inks.soft, role: "slide-place" };
  const below = stacked(linesOf(picture.place, width, TYPE.text), above.bottom + 2, 1.35, place);
  return { items: [...above.items, ...below.items], bottom: below.bottom };
}
