import assert from "node:assert/strict";
import { test } from "node:test";
import { at } from "front/core/state/arrays";

const array = {
  dtype: "float64",
  shape: [2, 3],
  data: Float64Array.of(0, 1, 2, 10, 11, 12),
};

test("an element by its index in the window", () => {
  assert.equal(at(array, 0, 2), 2);
  assert.equal(at(array, 1, 1), 11);
});

test("an index that is outside, or of another rank, is refused with the shape", () => {
  assert.throws(() => at(array, 2, 0), /shape 2, 3; the index 2, 0 is outside/);
  assert.throws(() => at(array, 1), /shape 2, 3; the index 1 is outside/);
});
