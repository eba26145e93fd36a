import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHash, isEqual, toHash } from "front/core/state/address";
import { DEFAULTS, type State } from "front/core/state/state";
import { integer, oneOf, randomFrom } from "../../random";

const usual: State = { ...DEFAULTS, language: "en" };

test("the usual state has an empty address, and an empty address is the usual state", () => {
  assert.equal(toHash(usual), "");
  assert.deepEqual(fromHash(""), usual);
  assert.deepEqual(fromHash("#"), usual);
});

test("a state is what its address says, whatever is in it", () => {
  const random = randomFrom(2);
  const texts = ["", "tea", "a & b = c # d", "50% +1", 'é "«»" 🙂\n', "pt", "null", "[1]"];
  const orNull = (): number | null => oneOf(random, [null, integer(random, 0, 99)]);
  for (let i = 0; i < 500; i += 1) {
    const state: State = {
      text: oneOf(random, texts),
      target: oneOf(random, [null, ...texts]),
      sentence: integer(random, 0, 5),
      beam: integer(random, 1, 8),
      tokens: integer(random, 0, 256),
      formality: oneOf(random, ["auto", "tu", "vous"]),
      checkpoint: orNull(),
      edits: oneOf(random, [[], [{ kind: "mask_token", position: 3 }]]),
      view: oneOf(random, ["walk", "heads", "words", "what_if", "compare"]),
      part: oneOf(random, ["encoder", "decoder", "cross"]),
      layer: integer(random, 0, 5),
      head: integer(random, 0, 7),
      query: integer(random, 0, 40),
      key: orNull(),
      position: orNull(),
      rows: oneOf(random, ["input", "output"]),
      heads: oneOf(random, ["one", "mean"]),
      sort: oneOf(random, ["weight", "contribution", "effect", "position"]),
      most: integer(random, 1, 60),
      step: oneOf(random, ["", "softmax"]),
      panels: oneOf(random, ["one", "all"]),
      moment: orNull(),
      language: oneOf(random, ["en", "pt"]),
      theme: oneOf(random, ["light", "dark", "system"]),
      screen: oneOf(random, ["desk", "projector"]),
    };
    assert.deepEqual(fromHash(toHash(state)), state, toHash(state));
  }
});

test("the language travels with every address that says anything", () => {
  assert.match(toHash({ ...usual, text: "tea" }), /language=en/);
  assert.equal(toHash({ ...usual, language: "pt" }), "#language=pt");
});

test("what an address says wrongly is left as it usually is", () => {
  for (const hash of [
    "#head=-1",
    "#head=1.5",
    "#head=two",
    "#head=null",
    "#beam=",
    "#view=nowhere",
    "#theme=blue",
    "#edits=7",
    "#edits={",
    "#constructor=1",
    "#__proto__=x",
  ])
    assert.deepEqual(fromHash(hash), usual, hash);
  assert.equal(fromHash("#key=null&head=2").head, 2);
});

test("values of the state are compared by what they hold", () => {
  assert.ok(isEqual([{ kind: "mask_token", position: 1 }], [{ kind: "mask_token", position: 1 }]));
  assert.ok(!isEqual(null, 0));
});
