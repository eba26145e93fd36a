import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "front/views/what_if/outcome/diff";
import { integer, oneOf, randomFrom } from "../../../random";

const letters = (text: string): string[] => [...text];
const kinds = (before: string, after: string): string =>
  difference(letters(before), letters(after), (letter) => letter)
    .map(({ kind, item }) => ({ same: " ", removed: "-", added: "+" })[kind] + item)
    .join("");

test("what was removed stands before what was added in its place", () => {
  assert.equal(kinds("abc", "abc"), " a b c");
  assert.equal(kinds("abc", "axc"), " a-b+x c");
  assert.equal(kinds("", "ab"), "+a+b");
  assert.equal(kinds("ab", ""), "-a-b");
});

/** The length of the longest common subsequence, by trying all. */
function longest(one: string[], other: string[]): number {
  if (!one.length || !other.length) return 0;
  if (one[0] === other[0]) return 1 + longest(one.slice(1), other.slice(1));
  return Math.max(longest(one.slice(1), other), longest(one, other.slice(1)));
}

test("a difference leads from one sequence to the other and keeps all that it can", () => {
  const random = randomFrom(5);
  const word = (): string[] =>
    Array.from({ length: integer(random, 0, 7) }, () => oneOf(random, ["a", "b", "c"]));
  for (let i = 0; i < 300; i += 1) {
    const [before, after] = [word(), word()];
    const steps = difference(before, after, (letter) => letter);
    const items = (...which: string[]): string[] =>
      steps.filter(({ kind }) => which.includes(kind)).map(({ item }) => item);
    assert.deepEqual(items("same", "removed"), before);
    assert.deepEqual(items("same", "added"), after);
    assert.equal(items("same").length, longest(before, after));
  }
});
