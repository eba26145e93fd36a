import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "front/core/sources/container";
import { expected, skip } from "../../expected";

/** A container by hand: the length, the header padded to 8 bytes, the arrays' bytes. */
function container(json: unknown, arrays: unknown[], body: Uint8Array): ArrayBuffer {
  let header = JSON.stringify({ json, arrays });
  header = header.padEnd(Math.ceil((4 + header.length) / 8) * 8 - 4);
  const bytes = new Uint8Array(4 + header.length + body.length);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(new TextEncoder().encode(header), 4);
  bytes.set(body, 4 + header.length);
  return bytes.buffer;
}

test("an array is a view of the bytes as they came", () => {
  const body = new Uint8Array(Float64Array.of(0.5, -Infinity).buffer);
  const entry = { name: "x", dtype: "float64", shape: [1, 2], offset: 0 };
  const { json, arrays } = decode<{ ok: boolean }>(container({ ok: true }, [entry], body));
  assert.deepEqual(json, { ok: true });
  assert.deepEqual(arrays.x, {
    dtype: "float64",
    shape: [1, 2],
    data: Float64Array.of(0.5, -Infinity),
  });
});

test("an array may have any name, and none is inherited", () => {
  const entry = { name: "__proto__", dtype: "uint8", shape: [2], offset: 0 };
  const { arrays } = decode(container(null, [entry], Uint8Array.of(3, 4)));
  assert.deepEqual(Object.keys(arrays), ["__proto__"]);
  assert.equal(arrays.constructor, undefined);
});

test("a type that does not travel is named, with those that do", () => {
  const entry = { name: "x", dtype: "float16", shape: [4], offset: 0 };
  assert.throws(
    () => decode(container(null, [entry], new Uint8Array(8))),
    /dtype float16 came; this page reads float64, float32, int32, uint8/,
  );
});

test("an array that is cut off is no shorter array", () => {
  const entry = { name: "x", dtype: "float64", shape: [3], offset: 0 };
  assert.throws(() => decode(container(null, [entry], new Uint8Array(16))), RangeError);
});

test("what Python wrote is read to the last bit", { skip }, () => {
  for (const { bytes, json, arrays } of expected?.containers ?? []) {
    const buffer = Uint8Array.from(Buffer.from(bytes, "base64")).buffer;
    const answer = decode(buffer);
    assert.deepEqual(answer.json, json);
    assert.deepEqual(Object.keys(answer.arrays), Object.keys(arrays));
    for (const [name, { dtype, shape, numbers }] of Object.entries(arrays)) {
      const array = answer.arrays[name];
      assert.equal(array?.dtype, dtype);
      assert.deepEqual(array?.shape, shape);
      assert.deepEqual(Array.from(array?.data ?? []), numbers.map(Number), name);
    }
  }
});
