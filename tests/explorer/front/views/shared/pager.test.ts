import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE, page } from "front/views/shared/pager";

test("a page holds its place, and the last one ends where the list does", () => {
  assert.deepEqual(page(0, 10), { start: 0, stop: 10, of: 10 });
  assert.deepEqual(page(PAGE, 100), { start: PAGE, stop: 2 * PAGE, of: 100 });
  assert.deepEqual(page(99, 100), { start: 2 * PAGE, stop: 100, of: 100 });
});
