/** How much room items take, and items put elsewhere. */

import type { Bounds, Item, TextItem } from "./scene";
import { widthOf } from "./text";

/** Above and below the line that letters stand on, in parts of the size. */
const ASCENT = 0.93;
const DESCENT = 0.24;

export function boundsOf(items: readonly Item[]): Bounds {
  const all: Bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const item of items) {
    const one = boundsOfItem(item);
    all.left = Math.min(all.left, one.left);
    all.top = Math.min(all.top, one.top);
    all.right = Math.max(all.right, one.right);
    all.bottom = Math.max(all.bottom, one.bottom);
  }
  return items.length ? all : { left: 0, top: 0, right: 0, bottom: 0 };
}

function boundsOfItem(item: Item): Bounds {
  if (item.kind === "text") return boundsOfText(item);
  if (item.kind === "line") {
    const { x1, y1, x2, y2 } = item;
    return {
      left: Math.min(x1, x2),
      top: Math.min(y1, y2),
      right: Math.max(x1, x2),
      bottom: Math.max(y1, y2),
    };
  }
  const { x, y } = item;
  if (item.kind === "path") {
    const { left, top, right, bottom } = item.box;
    return { left: x + left, top: y + top, right: x + right, bottom: y + bottom };
  }
  return { left: x, top: y, right: x + item.width, bottom: y + item.height };
}

function boundsOfText(item: TextItem): Bounds {
  const { x, y, size, anchor } = item;
  const width = widthOf(item.text, size, item);
  const before = anchor === "end" ? width : anchor === "middle" ? width / 2 : 0;
  // Turned upwards, as names of columns are.
  if (item.rotate === -90)
    return {
      left: x - ASCENT * size,
      top: y + before - width,
      right: x + DESCENT * size,
      bottom: y + before,
    };
  const left = x - before;
  return { left, top: y - ASCENT * size, right: left + width, bottom: y + DESCENT * size };
}

/** The same item, so far to the right and so far down. */
export function moved(item: Item, right: number, down: number): Item {
  if (item.kind === "line")
    return {
      ...item,
      x1: item.x1 + right,
      y1: item.y1 + down,
      x2: item.x2 + right,
      y2: item.y2 + down,
    };
  return { ...item, x: item.x + right, y: item.y + down };
}
