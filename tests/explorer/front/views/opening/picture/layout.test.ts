import assert from "node:assert/strict";
import { test } from "node:test";
import { type Layout, layOut, type Place, ribbon } from "front/views/opening/picture/layout";
import { randomFrom } from "../../../random";

const measure = (text: string, size: number): number => text.length * size * 0.5;

function words(random: () => number, most: number): string[] {
  return Array.from({ length: 1 + Math.floor(most * random()) }, () =>
    "x".repeat(1 + Math.floor(14 * random())),
  );
}

function overlap(one: Place, other: Place): boolean {
  return (
    one.x < other.x + other.width - 1e-6 &&
    other.x < one.x + one.width - 1e-6 &&
    one.y < other.y + other.height - 1e-6 &&
    other.y < one.y + one.height - 1e-6
  );
}

test("no word leaves its box or lies on another, in rows and in columns", () => {
  const random = randomFrom(7);
  const seen = new Set<boolean>();
  for (let i = 0; i < 300; i += 1) {
    const [keys, queries] = [words(random, 14), words(random, 14)];
    const width = 280 + Math.floor(900 * random());
    const layout = layOut(keys, queries, width, measure);
    seen.add(layout.upright);
    const places = [...layout.keys, ...layout.queries];
    assert.equal(places.length, keys.length + queries.length);
    for (const [at, place] of places.entries()) {
      assert.ok(place.x >= -1e-6 && place.x + place.width <= width + 1e-6, `${i}: ${at}`);
      assert.ok(place.y >= 0 && place.y + place.height <= layout.height + 1e-6);
      assert.ok(place.width >= 24 && place.height >= 24, "a finger hits it");
      for (const other of places.slice(at + 1)) assert.ok(!overlap(place, other), `${i}`);
    }
  }
  assert.deepEqual(seen, new Set([true, false]));
});

test("short sentences stand in rows as large as they fit, long ones in columns", () => {
  const short = layOut(["The", "cat"], ["Le", "chat"], 800, measure);
  assert.ok(short.upright && short.size === 28);
  const long = layOut(Array(30).fill("word"), ["mot"], 800, measure);
  assert.ok(!long.upright && long.height === 30 * 26);
});

function numbersOf(path: string): number[] {
  return (path.match(/-?\d+(\.\d+)?/g) ?? []).map(Number);
}

test("a ribbon leads from its query to its key and is as wide as its weight", () => {
  const layout: Layout = layOut(["black", "cat"], ["chat", "noir"], 600, measure);
  const [x1, y1] = numbersOf(ribbon(layout, 0, 1, 0.5));
  const place = layout.queries[0]!;
  const half = (0.5 * 26) / 2;
  assert.ok(Math.abs(x1! - (place.x + place.width / 2 - half)) < 0.1);
  assert.ok(Math.abs(y1! - place.y) < 0.1);
  const wide = numbersOf(ribbon(layout, 0, 1, 1));
  const narrow = numbersOf(ribbon(layout, 0, 1, 0.25));
  const width = (path: number[]): number => path[path.length - 2]! - path[0]!;
  assert.ok(Math.abs(width(wide) - 4 * width(narrow)) < 0.5);
});
