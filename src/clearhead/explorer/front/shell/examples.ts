/** Short texts of which something can be learned, for each kind of model. */

import type { Model } from "../core/protocol";
import { lookUp } from "../core/text/i18n";

/** By source language. */
const SENTENCES: Record<string, string[]> = {
  // The first is one in which words cross: tests/explorer/browser/test_first_minute.py looks for them.
  en: ["The black cat sleeps.", "She did not see him.", "I would like a cup of tea."],
};
const PROMPTS = ["The capital of France is", "One, two, three, four,", "Once upon a time"];
/** With a place for the word that the model hides. */
const HIDDEN = (mask: string): string[] => [
  `The capital of France is ${mask}.`,
  `The ${mask} sat on the mat.`,
];
const TEXTS = ["The black cat sleeps on the mat.", "She did not see him."];

export function examplesOf(description: Model): string[] {
  if (description.kind === "generation") return PROMPTS;
  if (description.kind === "encoder") return description.mask ? HIDDEN(description.mask) : TEXTS;
  return lookUp(SENTENCES, description.languages?.source ?? "") ?? [];
}
