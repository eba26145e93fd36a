/** What the pictures of tables are made of: words, and bars with their frames. */

import { scoreColour } from "../colours";
import type { Box } from "../scene/items";
import type { Item, TextItem } from "../scene/scene";
import { inks, shownTheme, TYPE } from "../theme";

/** A text of the usual size in the page's ink, or otherwise where it is said. */
export function textItem(
  x: number,
  y: number,
  text: string,
  style: Partial<TextItem> = {},
): TextItem {
  return { kind: "text", x, y, text, size: TYPE.text, fill: inks().ink, ...style };
}

/** Small and pale: headings of columns, marks of scales. */
export function soft(): Partial<TextItem> {
  return { size: TYPE.small, fill: inks().soft };
}

export const AT_END: Partial<TextItem> = { anchor: "end" };

export const MONO = { mono: true };

/** A share from 0 to 1 of a box, from its left. */
export function barItems(box: Box, share: number, fill: string, role: string): Item[] {
  return [...frame(box), { kind: "rect", ...box, width: box.width * share, fill, role }];
}

/** A share from -1 to 1 of half a box, from its middle, in the two colours that the page has for it. */
export function divergingItems(box: Box, share: number, role: string): Item[] {
  const width = (box.width / 2) * Math.min(1, Math.abs(share));
  const x = box.x + box.width / 2 - (share < 0 ? width : 0);
  const fill = scoreColour(Math.sign(share), 1, shownTheme.peek());
  return [...frame(box), { kind: "rect", ...box, x, width, fill, role }];
}

function frame(box: Box): Item[] {
  return [{ kind: "rect", ...box, stroke: inks().line, role: "bar" }];
}
