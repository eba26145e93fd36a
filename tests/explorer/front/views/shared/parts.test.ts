import assert from "node:assert/strict";
import { test } from "node:test";
import { moved, spoken, visible } from "front/views/shared/parts";

test("what cannot be seen in a piece is made visible", () => {
  assert.equal(visible("▁tea"), "▁tea");
  assert.equal(visible("a b\u00a0c\nd\u0007"), "a␣b␣c↵d�");
});

test("pieces are heard as their text, without the special ones", () => {
  assert.equal(spoken(["<s>", "▁J'", "aimerais", "▁une", "</s>", "<pad>"]), "J'aimerais une");
  assert.equal(spoken(["<s>"]), "");
  assert.equal(spoken(["▁<s", ">"]), "<s>");
});

test("arrows, Home and End move within a list; other keys do not", () => {
  assert.equal(moved("ArrowDown", 0, 3), 1);
  assert.equal(moved("ArrowRight", 2, 3), 2);
  assert.equal(moved("ArrowUp", 0, 3), 0);
  assert.equal(moved("Home", 2, 3), 0);
  assert.equal(moved("End", 0, 3), 2);
  assert.equal(moved("Enter", 1, 3), null);
});
