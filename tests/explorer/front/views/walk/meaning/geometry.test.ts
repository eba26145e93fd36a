/** Two vectors in their plane: worked out by hand, and on random ones. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  frameOf,
  onPicture,
  type Point,
  pairOf,
  tip,
} from "../../../../../../src/clearhead/explorer/front/views/walk/meaning/geometry";
import { randomFrom } from "../../../random";

const close = (one: number, other: number): void =>
  assert.ok(Math.abs(one - other) < 1e-9, `${one} is not ${other}`);

test("lengths, angle and dot product of vectors worked out by hand", () => {
  const pair = pairOf([3, 4, 0], [0, 2, 0]);
  assert.deepEqual([pair.query, pair.key, pair.dot], [5, 2, 8]);
  close(pair.cosine, 0.8);
  close(pairOf([1, 0], [0, 7]).angle, 90);
  close(pairOf([1, 0], [-3, 0]).angle, 180);
});

test("parallel vectors are no degree apart, however they are rounded", () => {
  const query = [0.1, 0.2, 0.3];
  const { angle } = pairOf(
    query,
    query.map((value) => 3 * value),
  );
  assert.ok(angle >= 0 && angle < 1e-5);
});

test("a vector without length has no angle", () => {
  assert.ok(Number.isNaN(pairOf([0, 0], [1, 2]).cosine));
});

test("the picture keeps lengths, angles and the dot product, and stays in its frame", () => {
  const random = randomFrom(4);
  const vector = (): number[] => Array.from({ length: 8 }, () => random() - 0.5);
  for (let i = 0; i < 200; i += 1) {
    const pair = pairOf(vector(), vector());
    const tips: Point[] = [tip(pair.query, 0), tip(pair.key, pair.angle)];
    const frame = frameOf(tips, 420, 300, 20);
    const origin = onPicture([0, 0], frame);
    const [q, k] = tips.map((point) => onPicture(point, frame)) as [Point, Point];
    for (const [x, y] of [origin, q, k])
      assert.ok(x > 19.9 && x < 400.1 && y > 19.9 && y < 280.1, `${x}, ${y}`);
    const across = [q, k].map(([x, y]): Point => [x - origin[0], origin[1] - y]);
    const dot = across[0]![0] * across[1]![0] + across[0]![1] * across[1]![1];
    close(dot / frame.unit ** 2, pair.dot);
    close(Math.hypot(...across[1]!) / frame.unit, pair.key);
  }
});
