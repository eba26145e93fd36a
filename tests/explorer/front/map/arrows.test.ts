import assert from "node:assert/strict";
import { test } from "node:test";
import { nextBox, type Rect } from "front/map/arrows";

const box = (left: number, top: number, width = 20, height = 20): Rect => ({
  left,
  right: left + width,
  top,
  bottom: top + height,
});

// A tall box, then two heads over a wide box, and below all another row.
const BOXES = [
  box(0, 0, 40, 70),
  box(60, 0),
  box(85, 0),
  box(60, 40, 45, 20),
  box(0, 100, 40),
  box(60, 100),
];

test("an arrow leads to the nearest box in its direction", () => {
  const lead = (from: number, key: string): number | null => nextBox(BOXES, from, key);
  assert.equal(lead(1, "ArrowRight"), 2);
  assert.equal(lead(2, "ArrowLeft"), 1);
  assert.equal(lead(1, "ArrowDown"), 3);
  assert.equal(lead(2, "ArrowDown"), 3);
  assert.equal(lead(3, "ArrowDown"), 5);
  assert.equal(lead(5, "ArrowUp"), 3);
  assert.equal(lead(1, "ArrowLeft"), 0);
  assert.equal(lead(0, "ArrowDown"), 4);
});

test("at an edge it leads nowhere, and another key neither", () => {
  assert.equal(nextBox(BOXES, 1, "ArrowUp"), null);
  assert.equal(nextBox(BOXES, 2, "ArrowRight"), null);
  assert.equal(nextBox(BOXES, 0, "Enter"), null);
  assert.equal(nextBox(BOXES, -1, "ArrowDown"), null);
  assert.equal(nextBox([], 0, "Home"), null);
});

test("Home and End lead to the first and the last", () => {
  assert.equal(nextBox(BOXES, 3, "Home"), 0);
  assert.equal(nextBox(BOXES, 3, "End"), 5);
});
