/** The page's language, and tables of words in both. */

import { signal } from "@preact/signals";

export type Language = "en" | "pt";
/** A table in both languages; the keys are the same, which the type checker holds. */
export interface Both<T> {
  en: T;
  pt: T;
}

export function preferredLanguage(): Language {
  return typeof navigator !== "undefined" && navigator.language.toLowerCase().startsWith("pt")
    ? "pt"
    : "en";
}

export const language = signal<Language>(preferredLanguage());

/** The words of the page's language. Read in a component, it follows the language. */
export function wordsOf<T>(table: Both<T>): T {
  return table[language.value];
}

/** What a table has under a name that others chose: a module of a recording may be called
 * `constructor` or `__proto__`, which every object inherits. */
export function named<T>(table: Partial<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
