/** The page's language, and tables of words in both. */

import { signal } from "@preact/signals";

export type Language = "en" | "pt";
/** A table in both languages; the keys are the same, which the type checker holds. */
export interface Both<T> {
  en: T;
  pt: T;
}

export function preferredLanguage(): Language {
  return typeof navigator !== "undefined" && navigator.language.toLowerCase().startsWith("pt") ? "pt" : "en";
}

export const language = signal<Language>(preferredLanguage());

/** The words of the page's language. Read in a component, it follows the language. */
export function words<T>(table: Both<T>): T {
  return table[language.value];
}
