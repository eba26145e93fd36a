/**
 * A picture as a list of primitives, so that the same picture is drawn on the page, saved as SVG
 * and painted as PNG. Units are CSS pixels; y grows downwards. Hatching is made of lines, computed
 * here, because a pattern fill would look different in each of the three.
 */

export interface RectItem {
  kind: "rect";
  x: number;
  y: number;
  width: number;
  height: number;
  fill?: string;
  stroke?: string;
  strokeWidth?: number;
  /** A class in the SVG, by which a reader (or a test) finds the cells again. */
  role?: string;
  /** In words: a tooltip in the SVG. */
  title?: string;
}

export interface LineItem {
  kind: "line";
  x1: number;
  y1: number;
  x2: number;
  y2: number;
  stroke: string;
  strokeWidth: number;
  role?: string;
  title?: string;
}

export interface TextItem {
  kind: "text";
  x: number;
  y: number;
  text: string;
  size: number;
  fill: string;
  anchor?: "start" | "middle" | "end";
  bold?: boolean;
  mono?: boolean;
  /** As the sentences on the page. */
  serif?: boolean;
  /** Struck through. */
  strike?: boolean;
  role?: string;
  /** Degrees clockwise around (x, y). */
  rotate?: number;
}

/** A masked area: diagonal lines, clipped to the rectangle. */
export interface HatchItem {
  kind: "hatch";
  x: number;
  y: number;
  width: number;
  height: number;
  stroke: string;
  spacing?: number;
  strokeWidth?: number;
  title?: string;
}

export interface Bounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** An outline that is filled, such as a ribbon, with its origin at (x, y). */
export interface PathItem {
  kind: "path";
  x: number;
  y: number;
  /** Of the outline, seen from its origin. */
  box: Bounds;
  d: string;
  fill: string;
  opacity?: number;
  role?: string;
}

export type Item = RectItem | LineItem | TextItem | HatchItem | PathItem;

export interface Scene {
  title: string;
  /** A sentence or two for those who cannot see it. */
  description?: string;
  width: number;
  height: number;
  background?: string;
  items: Item[];
}

export const SANS = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";

export const SERIF =
  "Charter, 'Bitstream Charter', 'Iowan Old Style', 'Palatino Linotype', Georgia, 'DejaVu Serif', serif";

export const MONO = "ui-monospace, 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/** Segments of diagonals x + y = constant that lie in a rectangle: [x1, y1, x2, y2] each. */
export function hatchSegments(
  hatch: Pick<HatchItem, "x" | "y" | "width" | "height" | "spacing">,
): [number, number, number, number][] {
  const { x, y, width, height, spacing = 6 } = hatch;
  const segments: [number, number, number, number][] = [];
  // Multiples of the spacing in absolute coordinates: neighbouring rectangles join without a seam.
  const first = Math.ceil((x + y + 1e-9) / spacing) * spacing;
  for (let sum = first; sum < x + y + width + height - 1e-9; sum += spacing) {
    const left = Math.max(x, sum - (y + height));
    const right = Math.min(x + width, sum - y);
    if (right > left) segments.push([left, sum - left, right, sum - right]);
  }
  return segments;
}
