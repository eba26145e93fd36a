import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Derivation, Run, Step } from "front/core/protocol";
import type { NumberArray, Source } from "front/core/sources/source";
import { run, source } from "front/core/state/state";
import { explain, place } from "front/where_from/derive";
import { expected, skip } from "../expected";

/** A source that holds three arrays, and remembers which it was asked for. */
class Arrays implements Source {
  readonly place = "page";
  readonly questions: string[] = [];

  constructor(private readonly arrays: Record<string, NumberArray>) {}

  // A double of a source answers the one question that these tests ask.
  // biome-ignore lint/suspicious/noExplicitAny: the type of the answer follows from the question
  async ask(question: string, params: any): Promise<any> {
    const items = params.items as { path: string; window: [number, number][] }[];
    assert.equal(question, "array");
    this.questions.push(items.map(({ path }) => path).join(" "));
    const arrays: Record<string, NumberArray> = {};
    const about = items.map(({ path, window }, at) => {
      const { dtype, shape, data } = this.arrays[path] as NumberArray;
      const [rows, columns] = window as [[number, number], [number, number]];
      const numbers = [];
      for (let row = rows[0]; row < rows[1]; row += 1)
        for (let column = columns[0]; column < columns[1]; column += 1)
          numbers.push(data[row * (shape[1] as number) + column] as number);
      const part = window.map(([start, stop]) => stop - start);
      arrays[at] = { dtype, shape: part, data: Float64Array.from(numbers) };
      return { path, window, shape, dtype };
    });
    return { json: { items: about }, arrays };
  }
}

const label = { en: "", pt: "" };
const operand = (symbol: string, rest: object): Derivation["operands"][number] =>
  ({ symbol, label, ...rest }) as Derivation["operands"][number];

const product: Derivation = {
  expression: "x @ w",
  operands: [
    operand("x", { path: "x", index: [{ axis: 0 }, ":"] }),
    operand("w", { path: "weights/w", index: [{ axis: 1 }, ":"] }),
  ],
};

function show(derivations: Derivation[], rest: Partial<Step> = {}): Arrays {
  const steps = [
    { path: "x", shape: [2, 3], derivations: [] },
    { path: "ids", shape: [2, 1], derivations: [] },
    { path: "y", shape: [2, 2], derivations, replaced: false, ...rest },
  ];
  const arrays = new Arrays({
    x: { dtype: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    y: { dtype: "float64", shape: [2, 2], data: Float64Array.of(7, 8, 9, -Infinity) },
    ids: { dtype: "int32", shape: [2, 1], data: Int32Array.of(1, 0) },
    "weights/w": { dtype: "float64", shape: [2, 3], data: Float64Array.of(1, 0, 0, 0, 1, 1) },
  });
  source.value = arrays;
  run.value = { request: { text: "" }, steps } as unknown as Run;
  return arrays;
}

beforeEach(() => {
  run.value = null;
});

test("an entry of an index follows from the explained number's index", () => {
  assert.equal(place(5, [9, 9]), 5);
  assert.equal(place({ axis: 1 }, [3, 7]), 7);
  assert.equal(place({ axis: 1, times: 2, floordiv: 3, mod: 4, plus: 1 }, [3, 7]), 1);
  assert.equal(place({ sum: [{ axis: 0, times: 10 }, { axis: 1 }, 2] }, [3, 7]), 39);
});

test("entries of indices are Python's", { skip }, () => {
  for (const [entry, index, result] of expected?.indices ?? [])
    assert.equal(place(entry, index), result, JSON.stringify([entry, index]));
});

test("operands are the slices that a derivation names, and know their elements", async () => {
  const arrays = show([product]);
  const explained = await explain({ path: "y", index: [1, 0], value: 9 });
  assert.equal(explained.value, 9);
  assert.equal(explained.rounded, false);
  const [x, w] = explained.operands;
  assert.deepEqual(x?.numbers, Float64Array.of(4, 5, 6));
  assert.deepEqual(w?.numbers, Float64Array.of(1, 0, 0));
  assert.equal(w?.slice, "weights/w[0, :]");
  assert.deepEqual(x?.element(2), { path: "x", index: [1, 2] });
  assert.deepEqual(
    new Set(arrays.questions.flatMap((paths) => paths.split(" "))),
    new Set(["y", "x", "weights/w"]),
  );
});

test("a number of float32, or one that is masked, says so", async () => {
  show([]);
  assert.equal((await explain({ path: "x", index: [0, 1], value: 2 })).rounded, true);
  assert.equal((await explain({ path: "y", index: [1, 1], value: null })).value, -Infinity);
});

test("a derivation holds for its elements alone, the first of several", async () => {
  const even: Derivation = {
    when: { axis: 1, mod: 2, equals: 0 },
    expression: "1",
    operands: [],
  };
  const set: Derivation = { when: { replaced: true }, expression: "set", operands: [] };
  show([set, even, product], { replaced: true, replaced_at: [{ edit: 0, index: [1, null] }] });
  const expression = async (index: number[]): Promise<string | null | undefined> =>
    (await explain({ path: "y", index, value: 0 })).derivation?.expression;
  assert.equal(await expression([1, 0]), "set");
  assert.equal(await expression([0, 0]), "1");
  assert.equal(await expression([0, 1]), "x @ w");
});

test("constants, integers of the index and entries of a step of integers are operands", async () => {
  const derivation: Derivation = {
    expression: "c + i + e",
    operands: [
      operand("c", { constant: 0.5 }),
      operand("i", { scalar: { axis: 1, plus: 10 } }),
      operand("e", {
        path: "x",
        index: [{ value_of: { path: "ids", index: [{ axis: 0 }, 0] } }, 2],
      }),
    ],
  };
  show([derivation]);
  const { operands } = await explain({ path: "y", index: [0, 1], value: 8 });
  assert.deepEqual(
    operands.map(({ numbers, integer, slice }) => [numbers[0], integer, slice]),
    [
      [0.5, false, null],
      [11, true, null],
      [6, false, "x[1, 2]"],
    ],
  );
});

test("a number between two steps brings its own derivation and asks for no step", async () => {
  const arrays = show([]);
  const explained = await explain({ path: "y", index: [1, 0], value: 4, derivation: product });
  assert.equal(explained.value, 4);
  assert.equal(explained.step, null);
  assert.ok(!arrays.questions.some((paths) => paths.split(" ").includes("y")));
});
