import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isWhole,
  rangeAround,
  rangeFrom,
  rangeHolding,
  WINDOW_MOST,
} from "front/draw/matrix/window";
import { integer, randomFrom } from "../../random";

test("a range is within what there is, as long as it may be, and holds what it should", () => {
  const random = randomFrom(3);
  for (let i = 0; i < 1000; i += 1) {
    const of = integer(random, 1, 200);
    const most = integer(random, 1, 60);
    const index = integer(random, 0, of - 1);
    const around = rangeAround(index, of, most);
    const from = rangeFrom(integer(random, -50, 250), of, most);
    for (const [start, stop] of [around, from, rangeHolding(from, index, of)]) {
      assert.ok(start >= 0 && stop <= of);
      assert.equal(stop - start, Math.min(most, of));
    }
    for (const [start, stop] of [around, rangeHolding(from, index, of)])
      assert.ok(start <= index && index < stop);
  }
});

test("a range that holds an index already does not move", () => {
  assert.deepEqual(rangeHolding([10, 20], 19, 100), [10, 20]);
  assert.deepEqual(rangeHolding([10, 20], 20, 100), [11, 21]);
  assert.deepEqual(rangeHolding([10, 20], 9, 100), [9, 19]);
});

test("a window is whole where nothing is left out", () => {
  assert.ok(isWhole({ rows: [0, 3], columns: [0, 4] }, 3, 4));
  assert.ok(!isWhole({ rows: [0, 3], columns: [0, WINDOW_MOST] }, 3, WINDOW_MOST + 1));
});
