import assert from "node:assert/strict";
import { test } from "node:test";
import { count, EmbeddedNumbers, fromHalf, slice } from "front/core/sources/embedded_numbers";
import { expected, skip } from "../../expected";

/** A type's bytes as a saved page has them: the first byte of each number, then the second ... */
function planes(numbers: Float64Array): Uint8Array {
  const bytes = new Uint8Array(numbers.buffer);
  return Uint8Array.from(bytes, (_, at) => {
    const [plane, place] = [Math.floor(at / numbers.length), at % numbers.length];
    return bytes[8 * place + plane] as number;
  });
}

function numbersOf(
  values: number[],
  entries: ConstructorParameters<typeof EmbeddedNumbers>[0],
): EmbeddedNumbers {
  const data = planes(Float64Array.from(values));
  return new EmbeddedNumbers(entries, { float64: { dtype: "uint8", shape: [data.length], data } });
}

test("half precision at its ends", () => {
  assert.equal(fromHalf(0x3c00), 1);
  assert.equal(fromHalf(0xc000), -2);
  assert.equal(fromHalf(0x7bff), 65504);
  assert.equal(fromHalf(0x0001), 2 ** -24);
  assert.equal(fromHalf(0x0400), 2 ** -14);
  assert.ok(Object.is(fromHalf(0x8000), -0));
  assert.equal(fromHalf(0xfc00), -Infinity);
  assert.ok(Number.isNaN(fromHalf(0x7e00)));
});

test("all 65536 half-precision numbers are NumPy's", { skip }, () => {
  const halves = expected?.halves ?? [];
  assert.equal(halves.length, 65536);
  for (const [bits, half] of halves.entries())
    assert.ok(Object.is(fromHalf(bits), Number(half)), `${bits}: ${fromHalf(bits)}, not ${half}`);
});

test("a window of an array in C order", () => {
  const data = Float64Array.from({ length: 24 }, (_, at) => at);
  assert.deepEqual(slice(data, [2, 3, 4], [[1], [0, 2], [1, 3]]), Float64Array.of(13, 15, 21, 23));
  assert.deepEqual(slice(data, [24], [[]]), Float64Array.of());
  assert.equal(count([2, 3, 4]), 24);
  assert.equal(count([]), 1);
});

test("stored numbers come back from their bytes, each from where it begins", () => {
  const numbers = numbersOf(
    [0.1, -Infinity, 3, 1e-300],
    [
      { path: "a", shape: [2], stored: "float64", start: 0 },
      { path: "b", shape: [1, 2], stored: "float64", start: 2 },
    ],
  );
  assert.deepEqual(numbers.get("a")?.data, Float64Array.of(0.1, -Infinity));
  assert.deepEqual(numbers.get("b")?.data, Float64Array.of(3, 1e-300));
  assert.equal(numbers.get("c"), undefined);
  assert.equal(numbers.has("b"), true);
});

test("a recipe's numbers follow from those of others", () => {
  const numbers = numbersOf(
    [1, -2, 3, -4, 10, 20],
    [
      { path: "x", shape: [2, 2], stored: "float64", start: 0 },
      { path: "bias", shape: [2], stored: "float64", start: 4 },
      { path: "half", shape: [2, 2], recipe: "times", of: ["x"], number: 0.5 },
      { path: "relu", shape: [2, 2], recipe: "relu", of: ["x"] },
      { path: "sum", shape: [2, 2], recipe: "sum", of: ["x", "bias"] },
      { path: "causal", shape: [2, 2], recipe: "causal", of: ["half"] },
    ],
  );
  assert.deepEqual(numbers.get("half")?.data, Float64Array.of(0.5, -1, 1.5, -2));
  assert.deepEqual(numbers.get("relu")?.data, Float64Array.of(1, 0, 3, 0));
  assert.deepEqual(numbers.get("sum")?.data, Float64Array.of(11, 18, 13, 16));
  assert.deepEqual(numbers.get("causal")?.data, Float64Array.of(0.5, -Infinity, 1.5, -2));
});
