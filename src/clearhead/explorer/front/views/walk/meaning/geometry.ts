/** Two vectors in the plane that holds both: their lengths, their angle, and how to draw them. */

export interface Pair {
  /** Lengths of the two. */
  query: number;
  key: number;
  dot: number;
  /** Cosine of the angle between them, and the angle in degrees; NaN where one has no length. */
  cosine: number;
  angle: number;
}

/** Lengths and angle of two vectors of the same width. */
export function pairOf(query: ArrayLike<number>, key: ArrayLike<number>): Pair {
  let [dot, own, other] = [0, 0, 0];
  for (let c = 0; c < query.length; c += 1) {
    dot += query[c]! * key[c]!;
    own += query[c]! ** 2;
    other += key[c]! ** 2;
  }
  const cosine = dot / Math.sqrt(own * other);
  // Rounding may carry the cosine of parallel vectors a last digit beyond 1.
  const angle = (Math.acos(Math.max(-1, Math.min(1, cosine))) * 180) / Math.PI;
  return { query: Math.sqrt(own), key: Math.sqrt(other), dot, cosine, angle };
}

export type Point = [x: number, y: number];

/** The tip of a vector of this length at this angle, its origin at 0, 0 and y upwards. */
export function tip(length: number, angle: number): Point {
  const turn = (angle * Math.PI) / 180;
  return [length * Math.cos(turn), length * Math.sin(turn)];
}

export interface Frame {
  width: number;
  height: number;
  /** Pixels of a unit, and where the origin is. */
  unit: number;
  x: number;
  y: number;
}

/** The largest picture of these tips and the origin in a box, with so much room around. */
export function frameOf(tips: Point[], width: number, height: number, margin: number): Frame {
  const xs = [0, ...tips.map(([x]) => x)];
  const ys = [0, ...tips.map(([, y]) => y)];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
  const across = (width - 2 * margin) / (right - left || 1);
  const up = (height - 2 * margin) / (top - bottom || 1);
  const unit = Math.min(across, up);
  const x = margin + (width - 2 * margin - unit * (right - left)) / 2 - unit * left;
  const y = height - margin - (height - 2 * margin - unit * (top - bottom)) / 2 + unit * bottom;
  return { width, height, unit, x, y };
}

/** A point of the plane on the picture. */
export function onPicture([x, y]: Point, frame: Frame): Point {
  return [frame.x + frame.unit * x, frame.y - frame.unit * y];
}
