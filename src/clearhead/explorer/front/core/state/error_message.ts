/** What went wrong, as a sentence in the page's language. */

import { Refusal } from "../sources/source";
import { words } from "../text/i18n";
import { table } from "../text/words";

export function messageOf(error: Error): string {
  const t = words(table);
  if (error instanceof Refusal && error.kind === "Unreachable") return t.unreachable;
  if (error instanceof Refusal && error.kind === "NotHere") return error.message || t.notHere;
  return error.message;
}
