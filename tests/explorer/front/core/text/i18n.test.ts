import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { language, named, preferredLanguage, wordsOf } from "front/core/text/i18n";

function browserIn(tag: string): void {
  Object.defineProperty(globalThis, "navigator", { value: { language: tag }, configurable: true });
}

afterEach(() => {
  language.value = "en";
});

test("the browser's language chooses: every Portuguese one, or else English", () => {
  for (const [tag, expected] of [
    ["pt", "pt"],
    ["pt-BR", "pt"],
    ["PT-pt", "pt"],
    ["en-US", "en"],
    ["fr", "en"],
    ["", "en"],
  ] as const) {
    browserIn(tag);
    assert.equal(preferredLanguage(), expected, tag);
  }
});

test("a table's words follow the page's language", () => {
  const table = { en: { yes: "yes" }, pt: { yes: "sim" } };
  assert.equal(wordsOf(table).yes, "yes");
  language.value = "pt";
  assert.equal(wordsOf(table).yes, "sim");
});

test("a name that others chose reads nothing that objects inherit", () => {
  const table: Record<string, string> = { encoder: "Encoder" };
  assert.equal(named(table, "encoder"), "Encoder");
  for (const name of ["constructor", "__proto__", "toString", ""])
    assert.equal(named(table, name), undefined, name);
});
