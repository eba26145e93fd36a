import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cell, nextCell } from "front/draw/matrix/grid_keys";

const bounds = { rows: [2, 10] as const, columns: [0, 5] as const };

function press(key: string, from: Cell, rest: Partial<KeyboardEvent> = {}): Cell | null {
  const event = { key, ctrlKey: false, metaKey: false, altKey: false, ...rest };
  return nextCell(from, event, bounds, 4);
}

test("keys of a grid, as the ARIA practice has them", () => {
  const from = { row: 5, column: 2 };
  assert.deepEqual(press("ArrowUp", from), { row: 4, column: 2 });
  assert.deepEqual(press("ArrowRight", from), { row: 5, column: 3 });
  assert.deepEqual(press("PageDown", from), { row: 9, column: 2 });
  assert.deepEqual(press("Home", from), { row: 5, column: 0 });
  assert.deepEqual(press("End", from), { row: 5, column: 4 });
  assert.deepEqual(press("Home", from, { ctrlKey: true }), { row: 2, column: 0 });
  assert.deepEqual(press("End", from, { metaKey: true }), { row: 9, column: 4 });
});

test("nothing leads out of the grid", () => {
  assert.deepEqual(press("ArrowUp", { row: 2, column: 0 }), { row: 2, column: 0 });
  assert.deepEqual(press("ArrowLeft", { row: 2, column: 0 }), { row: 2, column: 0 });
  assert.deepEqual(press("PageUp", { row: 3, column: 1 }), { row: 2, column: 1 });
});

test("other keys, and those of the browser, are left alone", () => {
  assert.equal(press("a", { row: 3, column: 1 }), null);
  assert.equal(press("Tab", { row: 3, column: 1 }), null);
  assert.equal(press("ArrowLeft", { row: 3, column: 1 }, { altKey: true }), null);
});
