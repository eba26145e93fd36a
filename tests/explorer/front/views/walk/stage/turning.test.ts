/** Which keys and fingers turn to another step, and which do not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  turnOfKey,
  turnOfSwipe,
} from "../../../../../../src/clearhead/explorer/front/views/walk/stage/turning";

/** An element that is, or lies in, what these selectors name. */
function within(...names: string[]): Element {
  const closest = (selectors: string): object | null =>
    selectors.split(",").some((each) => names.includes(each.trim())) ? {} : null;
  return { closest } as unknown as Element;
}

function press(key: string, target = within(), more: Partial<KeyboardEvent> = {}): number {
  return turnOfKey({ key, ...more } as KeyboardEvent, target);
}

test("arrows and space turn where nothing else wants them", () => {
  assert.deepEqual(
    ["ArrowRight", " ", "ArrowLeft"].map((key) => press(key)),
    [1, 1, -1],
  );
  assert.equal(press(" ", within(), { shiftKey: true }), -1);
  assert.equal(press("ArrowDown"), 0);
  // An arrow on a button has no meaning of its own; a space presses it.
  assert.equal(press("ArrowRight", within("button")), 1);
  assert.equal(press(" ", within("button")), 0);
});

test("keys that choose, write, or belong to the browser do not turn", () => {
  for (const name of ["input", "select", "textarea", "[role=grid]", "[role=tablist]"])
    for (const key of ["ArrowRight", "ArrowLeft", " "]) assert.equal(press(key, within(name)), 0);
  for (const name of ["altKey", "ctrlKey", "metaKey", "defaultPrevented"])
    assert.equal(press("ArrowRight", within(), { [name]: true }), 0);
});

test("a finger turns by going to the side, far and flat", () => {
  assert.deepEqual(
    [turnOfSwipe(-100, 10), turnOfSwipe(100, -10), turnOfSwipe(-40, 0), turnOfSwipe(-100, 80)],
    [1, -1, 0, 0],
  );
});
