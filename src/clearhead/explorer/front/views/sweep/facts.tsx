/** What a sweep was of: the edit, the metric, and the texts. */

import type { JSX } from "preact";
import type { Sweep } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { Section, visible } from "../shared/parts";
import { differences } from "./data";
import { table } from "./words";

export function Facts({ sweep }: { sweep: Sweep }): JSX.Element {
  const words = wordsOf(table);
  const { to, target } = sweep;
  const different = differences(sweep);
  return (
    <Section title={words.titles[sweep.over]} id="sweep-facts">
      <p class="note">
        {words.intro(words.edits[sweep.edit])}
        {to && (
          <>
            {" "}
            {words.paths(
              to.module || words.modelOutput,
              words.parts[to.part],
              to.head === null ? "" : words.ofHead(to.head),
            )}
            {to.freeze.length > 0 && ` ${words.freeze(to.freeze.join(", "))}`}
          </>
        )}
      </p>
      <dl class="sweep-facts">
        <dt>{words.model}</dt>
        <dd>{sweep.model}</dd>
        <dt>{words.measure}</dt>
        <dd>{sweep.measure}</dd>
        <dt>{words.before}</dt>
        <dd class="number">{format(sweep.before)}</dd>
        {target !== null && (
          <>
            <dt>{words.target}</dt>
            <dd class="number">{format(target)}</dd>
          </>
        )}
        {(["edited", "source", "decoder"] as const).map((side) => {
          const tokens = sweep.tokens[side];
          return (
            tokens && (
              <>
                <dt>{words.texts[side]}</dt>
                <dd>
                  <Tokens tokens={tokens} marked={side === "decoder" ? new Set() : different} />
                </dd>
              </>
            )
          );
        })}
      </dl>
      {different.size > 0 && <p class="soft">{words.differ}</p>}
      {sweep.notes.length > 0 && (
        <details class="sweep-notes">
          <summary>{words.notes}</summary>
          <ul>
            {sweep.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </details>
      )}
    </Section>
  );
}

function Tokens({ tokens, marked }: { tokens: string[]; marked: Set<number> }): JSX.Element {
  return (
    <span class="sweep-tokens">
      {tokens.map((token, place) => {
        const Mark = marked.has(place) ? "mark" : "span";
        return (
          <Mark key={place} class="piece" title={String(place)}>
            {visible(token)}
          </Mark>
        );
      })}
    </span>
  );
}
