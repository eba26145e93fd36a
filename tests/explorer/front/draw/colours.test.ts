import assert from "node:assert/strict";
import { test } from "node:test";
import {
  hex,
  INKS,
  inkOn,
  luminance,
  scoreBytes,
  scoreColour,
  scoreMax,
  weightBytes,
} from "front/draw/colours";

const SHARES = Array.from({ length: 101 }, (_, at) => at / 100);

function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

test("a weight's colour grows darker in the light theme and lighter in the dark one", () => {
  for (const [theme, sign] of [
    ["light", -1],
    ["dark", 1],
  ] as const) {
    const lights = SHARES.map((weight) => luminance(weightBytes(weight, theme)));
    for (let at = 1; at < lights.length; at += 1)
      assert.ok(sign * (lights[at]! - lights[at - 1]!) > 0, `${theme} at ${at}`);
  }
});

test("scores of one size are about equally light on both sides, and 0 is the middle", () => {
  for (const theme of ["light", "dark"] as const) {
    assert.deepEqual(scoreBytes(0, 5, theme), scoreBytes(-0, 5, theme));
    for (const score of SHARES) {
      const [positive, negative] = [scoreBytes(score, 1, theme), scoreBytes(-score, 1, theme)];
      assert.ok(contrast(luminance(positive), luminance(negative)) < 1.35, `${theme} ${score}`);
    }
  }
});

test("what is outside a scale is its end, and a scale of nothing is its middle", () => {
  assert.deepEqual(weightBytes(1 + 1e-9, "light"), weightBytes(1, "light"));
  assert.deepEqual(weightBytes(-1e-9, "light"), weightBytes(0, "light"));
  assert.deepEqual(weightBytes(NaN, "light"), weightBytes(0, "light"));
  assert.equal(scoreColour(9, 3), scoreColour(3, 3));
  assert.equal(scoreColour(2, 0), scoreColour(0, 1));
});

test("a number on any colour of either scale is readable", () => {
  for (const theme of ["light", "dark"] as const)
    for (const share of SHARES)
      for (const bytes of [
        weightBytes(share, theme),
        scoreBytes(share, 1, theme),
        scoreBytes(-share, 1, theme),
      ]) {
        const ink = inkOn(bytes).slice(1).match(/../g)!;
        const light = luminance(ink.map((digits) => Number.parseInt(digits, 16)));
        assert.ok(contrast(light, luminance(bytes)) >= 4.5, `${theme} ${share} ${hex(bytes)}`);
      }
});

test("the end of a score scale is the largest finite size", () => {
  assert.equal(scoreMax([1, -3, -Infinity, NaN, 2]), 3);
  assert.equal(scoreMax([]), 0);
  assert.equal(scoreMax([-Infinity]), 0);
});

test("the inks of both themes are colours", () => {
  for (const inks of Object.values(INKS))
    for (const ink of Object.values(inks)) assert.match(ink, /^#[0-9a-f]{6}$/);
});
