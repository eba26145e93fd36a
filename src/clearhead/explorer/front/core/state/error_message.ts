/** What went wrong, as a sentence in the page's language. */

import { Refusal } from "../sources/source";
import { wordsOf } from "../text/i18n";
import { table } from "../text/words";

export function messageOf(error: Error): string {
  const words = wordsOf(table);
  if (error instanceof Refusal && error.kind === "Unreachable") return words.unreachable;
  if (error instanceof Refusal && error.kind === "NotHere") return error.message || words.notHere;
  return error.message;
}
