import assert from "node:assert/strict";
import { test } from "node:test";
import { python, snippet } from "front/where_from/snippet";
import { expected, skip } from "../expected";

test("numbers as Python writes them", () => {
  assert.equal(python(0.1), "0.1");
  assert.equal(python(3), "3.0");
  assert.equal(python(3, true), "3");
  assert.equal(python(-0), "-0.0");
  assert.equal(python(1e16), "1e+16");
  assert.equal(python(0.00001234), "1.234e-05");
  assert.equal(python(NaN), "np.nan");
  assert.equal(python(-Infinity), "-np.inf");
});

test("the repr of random numbers is Python's", { skip }, () => {
  for (const [number, text] of expected?.reprs ?? []) assert.equal(python(number), text);
});

test("a number that was given has no program", () => {
  const explained = { path: "x", index: [0], value: 1, step: null, operands: [], rounded: false };
  assert.equal(snippet({ ...explained, derivation: null }), null);
  const given = { expression: null, given: true, operands: [] } as const;
  assert.equal(snippet({ ...explained, derivation: { ...given, operands: [] } }), null);
});
