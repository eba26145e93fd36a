/** Where an arrow key leads on the map: to the nearest box in its direction, whatever the layout. */

export interface Rect {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

const DIRECTIONS: Partial<Record<string, [x: number, y: number]>> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
};
/** A step aside counts as so many steps ahead. */
const ASIDE = 4;

/** The index of the box that a key leads to; null for a key that leads nowhere. */
export function nextBox(boxes: Rect[], current: number, key: string): number | null {
  if (key === "Home") return boxes.length ? 0 : null;
  if (key === "End") return boxes.length ? boxes.length - 1 : null;
  const direction = DIRECTIONS[key];
  const from = boxes[current];
  if (!direction || !from) return null;
  let best: number | null = null;
  let least = Infinity;
  for (const [index, box] of boxes.entries()) {
    const [ahead, aside] = distances(from, box, direction);
    // Half a pixel: boxes in a row may stand at broken heights.
    if (index === current || ahead <= 0.5) continue;
    const far = ahead + ASIDE * aside;
    if (far < least) [best, least] = [index, far];
  }
  return best;
}

/** How far ahead a box's middle is, and how far aside the box is: 0 where it lies straight ahead. */
function distances(from: Rect, to: Rect, [x, y]: [number, number]): [number, number] {
  const [across, down] = [middle(to.left, to.right), middle(to.top, to.bottom)];
  const [here, height] = [middle(from.left, from.right), middle(from.top, from.bottom)];
  const ahead = x * (across - here) + y * (down - height);
  const aside = x ? gap(height, to.top, to.bottom) : gap(here, to.left, to.right);
  return [ahead, aside];
}

function middle(start: number, end: number): number {
  return (start + end) / 2;
}

function gap(at: number, start: number, end: number): number {
  return Math.max(start - at, at - end, 0);
}
