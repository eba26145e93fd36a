/** Words that are explained where they stand: pressed, three lines and a small picture open below the
 * sentence, with the lesson that goes on from there. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId, useRef } from "preact/hooks";
import { wordsOf } from "../../../core/text/i18n";
import { Sketch } from "./sketch";
import { type TermName, table } from "./words";
import "./terms.css";

/** A paragraph whose terms can be pressed: `children` gets what makes a term of its name. */
export function Explained({
  children,
}: {
  children: (term: (name: TermName) => JSX.Element) => JSX.Element;
}): JSX.Element {
  const words = wordsOf(table);
  const open = useSignal<TermName | null>(null);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const close = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || open.value === null) return;
    event.preventDefault(); // the panel of numbers closes by the same key
    root.current?.querySelector<HTMLElement>('[aria-expanded="true"]')?.focus();
    open.value = null;
  };
  const term = (name: TermName): JSX.Element => (
    <button
      type="button"
      class="term"
      aria-expanded={open.value === name}
      aria-controls={id}
      onClick={() => (open.value = open.value === name ? null : name)}
    >
      {words.terms[name].name}
    </button>
  );
  return (
    <div ref={root} onKeyDown={close}>
      {children(term)}
      <div id={id} class="term-note" aria-live="polite">
        {open.value && (
          <>
            <Sketch of={open.value} />
            <div>
              {words.terms[open.value].lines.map((line) => (
                <p key={line}>{line}</p>
              ))}
              <p class="soft">{words.lesson(words.terms[open.value].lesson)}</p>
            </div>
          </>
        )}
      </div>
    </div>
  );
}
