/** The result of a sweep as grids and as a list. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sweep } from "front/core/protocol";
import {
  differences,
  effectsOf,
  gridOf,
  labelsOf,
  modulesOf,
  shortNames,
} from "front/views/sweep/data";

const HEADS: Sweep = {
  model: "GPT2LMHeadModel",
  over: "heads",
  edit: "patch",
  to: null,
  measure: "a logit",
  before: -1,
  target: 3,
  axes: [
    { name: "module", entries: ["h.0.attn", "h.1.attn"] },
    { name: "head", entries: ["0", "1"] },
  ],
  values: [0.5, null, -2, 1],
  tokens: { edited: ["The", " cat"], source: ["The", " dog"], decoder: null },
  notes: [],
};

test("a grid has a row for each module, and a gap where there is nothing", () => {
  const grid = gridOf(HEADS, 0);
  assert.deepEqual(grid.rows, ["0", "1"]);
  assert.deepEqual(grid.columns, ["0", "1"]);
  assert.deepEqual(grid.values, [0.5, Number.NaN, -2, 1]);
  assert.deepEqual(modulesOf(HEADS), []);
});

test("the largest effects come first, with the metric and the share of the way", () => {
  assert.deepEqual(effectsOf(HEADS), [
    { index: [1, 0], value: -2, metric: -3, share: -0.5 },
    { index: [1, 1], value: 1, metric: 0, share: 0.25 },
    { index: [0, 0], value: 0.5, metric: -0.5, share: 0.125 },
  ]);
  assert.equal(effectsOf({ ...HEADS, target: null })[0]?.share, null);
});

test("edges have a grid for each module, and positions their tokens", () => {
  const edges: Sweep = {
    ...HEADS,
    over: "edges",
    axes: [
      { name: "module", entries: ["a", "b"] },
      { name: "query", entries: ["1"] },
      { name: "key", entries: ["0", "1"] },
    ],
    values: [1, 2, 3, 4],
  };
  assert.deepEqual(modulesOf(edges), ["a", "b"]);
  assert.deepEqual(gridOf(edges, 1).values, [3, 4]);
  assert.deepEqual(gridOf(edges, 1).columns, ["0 The", "1  cat"]);
  assert.deepEqual(
    labelsOf({ ...edges, tokens: { ...edges.tokens, decoder: ["x"] } }, "key", ["1"]),
    ["1"],
  );
});

test("layers are one column", () => {
  const layers: Sweep = { ...HEADS, over: "layers", axes: HEADS.axes.slice(0, 1), values: [1, 2] };
  const grid = gridOf(layers, 0);
  assert.equal(grid.columnAxis, null);
  assert.deepEqual([grid.rows, grid.columns, grid.values], [["0", "1"], [""], [1, 2]]);
});

test("names are shortened as long as they stay apart", () => {
  assert.deepEqual(shortNames(["m.h.0.attn", "m.h.1.attn"]), ["0", "1"]);
  assert.deepEqual(shortNames(["m.0", "m.0.attn"]), ["0", "0.attn"]);
  assert.deepEqual(shortNames(["m.h.0"]), ["m.h.0"]);
});

test("texts of one length are compared token by token", () => {
  assert.deepEqual([...differences(HEADS)], [1]);
  const longer = { ...HEADS.tokens, source: ["The", " black", " dog"] };
  assert.equal(differences({ ...HEADS, tokens: longer }).size, 0);
});
