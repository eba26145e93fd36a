import assert from "node:assert/strict";
import { test } from "node:test";
import { count, exact, format, plainDecimal, shortNumber } from "front/core/text/format";
import { randomFrom } from "../../random";

test("a number has four significant digits, a point and a true minus", () => {
  assert.equal(format(0.123456), "0.1235");
  assert.equal(format(-1.5), "−1.500");
  assert.equal(format(12345.6), "12346");
  assert.equal(format(3), "3");
  assert.equal(format(-0.00001234), "−1.234e−5");
  assert.equal(format(0.1), "0.1000");
  assert.equal(format(0), "0");
});

test("what is no number says so; null is a masked score", () => {
  assert.equal(format(null), "−∞");
  assert.equal(format(-Infinity), "−∞");
  assert.equal(format(Infinity), "∞");
  assert.equal(format(NaN), "NaN");
  assert.equal(exact(null), "−∞");
});

test("a formatted number is within half a unit of its last digit", () => {
  const random = randomFrom(1);
  for (let i = 0; i < 2000; i += 1) {
    const value = (random() - 0.5) * 10 ** (random() * 30 - 15);
    const read = Number(format(value).replaceAll("−", "-"));
    assert.ok(Math.abs(read - value) <= 0.5001e-3 * Math.abs(value), `${value}: ${format(value)}`);
    assert.equal(Number(exact(value).replaceAll("−", "-")), value);
  }
});

test("thousands are apart", () => {
  assert.equal(count(7), "7");
  assert.equal(count(90_000), "90\u202f000");
  assert.equal(count(1_234_567), "1\u202f234\u202f567");
});

test("a cell's number has zeros rather than an exponent, down to 0.0001", () => {
  assert.equal(plainDecimal(0), "0");
  assert.equal(plainDecimal(0.00012346), "0.0001235");
  assert.equal(plainDecimal(-0.25), "−0.25");
  assert.equal(plainDecimal(0.00001), "1.000e−5");
  assert.equal(shortNumber(16.0), "16");
  assert.equal(shortNumber(Math.sqrt(2)), "1.414");
});
