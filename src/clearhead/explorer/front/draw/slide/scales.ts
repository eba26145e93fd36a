/** What colours, widths and lengths mean, with the lowest and the highest number: for a slide's foot. */

import { wordsOf } from "../../core/text/i18n";
import { type Kind, scoreColour } from "../colours";
import { legendItems, scaleMark } from "../scene/items";
import type { Item } from "../scene/scene";
import { inks, shownTheme, TYPE } from "../theme";
import { table } from "../words";
import { soft, textItem } from "./marks";

/** A scale, drawn from (0, 0). */
export type Scale = Item[];

const LENGTH = 200;
const BAR = { top: 20, height: 12 };

/** The colours of weights from 0 to 1, or of scores from -max to max.
 *
 * masked: whether the picture has masked cells. */
export function colourScale(kind: Kind, max: number, masked: boolean, title = ""): Scale {
  const { weightLegend, scoreLegend, maskedShort } = wordsOf(table);
  const name = title || (kind === "weight" ? weightLegend : scoreLegend(scaleMark(max)));
  const words = { title: name, masked: masked ? maskedShort : "" };
  return legendItems(kind, max, { x: 0, y: 0 }, words, shownTheme.value, inks());
}

/** How wide a line or ribbon is for a weight from `least` to 1. */
export function widthScale(widest: number, least: number): Scale {
  const ink = inks();
  const { ribbonLegend } = wordsOf(table);
  const half = (weight: number): number => Math.max(0.6, (weight * widest) / 2);
  const middle = BAR.top + Math.max(BAR.height, widest) / 2;
  const [first, last] = [half(least), half(1)];
  const [at, end] = [middle - last, middle + last];
  const d = `M0 ${middle - first}L${LENGTH} ${at}L${LENGTH} ${end}L0 ${middle + first}Z`;
  const box = { left: 0, top: at, right: LENGTH, bottom: end };
  return [
    title(ribbonLegend),
    { kind: "path", x: 0, y: 0, box, d, fill: ink.accent, role: "scale" },
    ...marks([least, 0.5, 1], least, 1, end),
  ];
}

/** How long a bar is, from 0 to `most`, or to both sides from -most to most. */
export function barScale(name: string, most: number, signed: boolean): Scale {
  const ink = inks();
  const theme = shownTheme.value;
  const box = { y: BAR.top, height: BAR.height };
  const half = { ...box, width: LENGTH / 2, role: "scale" };
  const end = (sign: number): string => scoreColour(sign, 1, theme);
  const bars: Item[] = signed
    ? [
        { kind: "rect", x: 0, ...half, fill: end(-1) },
        { kind: "rect", x: LENGTH / 2, ...half, fill: end(1) },
      ]
    : [{ kind: "rect", x: 0, ...box, width: LENGTH, fill: ink.accent, role: "scale" }];
  const numbers = signed ? [-most, 0, most] : [0, most / 2, most];
  const under = BAR.top + BAR.height;
  return [title(name), ...bars, ...marks(numbers, numbers[0]!, most, under)];
}

function title(text: string): Item {
  return textItem(0, TYPE.small, text, { size: TYPE.small });
}

/** Numbers under a scale that goes from one number to another. */
function marks(numbers: number[], from: number, to: number, under: number): Item[] {
  return numbers.map((number, place) =>
    textItem(
      ((number - from) / (to - from || 1)) * LENGTH,
      under + TYPE.small + 1,
      scaleMark(number),
      {
        ...soft(),
        anchor: place === 0 ? "start" : place === numbers.length - 1 ? "end" : "middle",
        role: "scale-mark",
      },
    ),
  );
}
