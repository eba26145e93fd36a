/** Formulas from plain text: `s_{ij} = Σ_c q_{ic} k_{jc}`. Single letters are variables. */

import type { JSX } from "preact";

const PARTS = /([_^])(?:\{([^}]*)\}|(.))|([A-Za-z]+)|([^A-Za-z_^]+)/gu;

export function Formula({ text }: { text: string }): JSX.Element {
  // Several equations: a line breaks between them rather than within one.
  return (
    <p class="walk-formula">
      {text.split(/,\s{2}/).map((part, at) => (
        <span key={at}>{typeset(part)}</span>
      ))}
    </p>
  );
}

const NAMES = new Set(["id", "up", "down", "gate", "max"]);

export function typeset(text: string, small = false): (JSX.Element | string)[] {
  return [...text.matchAll(PARTS)].map(([, mark, group, single, word, rest]) => {
    if (mark === "_") return <sub>{typeset(group ?? single ?? "", true)}</sub>;
    if (mark === "^") return <sup>{typeset(group ?? single ?? "", true)}</sup>;
    // In an index, several letters are several variables.
    if (word) return word.length === 1 || (small && !NAMES.has(word)) ? <i>{word}</i> : word;
    return rest ?? "";
  });
}
