/** What the model cannot do, in one line under what it wrote: as its card says it, and a note where
 * the text looks like another language. */

import type { JSX } from "preact";
import { model, run } from "../../core/state/state";
import { language, wordsOf } from "../../core/text/i18n";
import { table } from "./words";

export function Limits(): JSX.Element | null {
  const words = wordsOf(table);
  const limits = model.value?.limits_in_words;
  const note = run.value?.notes?.find((one) => one.kind === "language");
  if (!limits && !note) return null;
  return (
    <>
      {note && (
        <p class="opening-language" role="note">
          {note.language === null
            ? words.otherLanguage(nameOf(note.expected))
            : words.thisLanguage(nameOf(note.language), nameOf(note.expected))}
        </p>
      )}
      {limits && (
        <p class="opening-limits soft" title={limits}>
          {words.limits} <span lang="en">{limits}</span>
        </p>
      )}
    </>
  );
}

function nameOf(code: string): string {
  try {
    return new Intl.DisplayNames([language.value], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
