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
            ? words.otherLanguage(nameOf(note.reads))
            : words.thisLanguage(nameOf(note.language), nameOf(note.reads))}
        </p>
      )}
      {limits && <FromCard limits={limits} />}
    </>
  );
}

/** The first sentence, and the others behind it: the line under a translation stays one line. */
function FromCard({ limits }: { limits: string }): JSX.Element {
  const words = wordsOf(table);
  const [, first = limits, rest = ""] = /^(.+?[.!?])\s+(.+)$/s.exec(limits) ?? [];
  if (!rest)
    return (
      <p class="opening-limits soft" lang="en">
        {first}
      </p>
    );
  return (
    <details class="opening-limits soft">
      <summary>
        <span lang="en">{first}</span> <span class="opening-more">{words.limits}</span>
      </summary>
      <p lang="en">{rest}</p>
    </details>
  );
}

function nameOf(code: string): string {
  try {
    return new Intl.DisplayNames([language.value], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
