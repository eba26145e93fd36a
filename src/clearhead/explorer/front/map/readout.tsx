/** What a head was measured to do, with every number; and what the signs mean. */

import type { JSX } from "preact";
import type { Attention, HeadKind, HeadMeasure, Run } from "../core/protocol";
import { signed } from "../core/text/format";
import { wordsOf } from "../core/text/i18n";
import { headOf, type Kinds, measureOf, percent } from "../views/shared/kinds";
import { attentionName, kindText, meaningOf } from "./boxes";
import type { Place } from "./place";
import { Sign } from "./sign";
import { table } from "./words";

interface ReadoutProps {
  answer: Run;
  place: Place | null;
  kinds: Map<string, Kinds>;
  /** The head under the pointer or the focus. */
  pointed: [Attention, number] | null;
}

/** The head that is pointed at, or else the one that the page looks at. Its buttons say the same to a
 * screen reader, so this is for the eye. */
export function Readout({ answer, place, kinds, pointed }: ReadoutProps): JSX.Element {
  const words = wordsOf(table);
  const own = answer.attention.find(
    ({ part, layer }) => part === place?.part && layer === place.layer,
  );
  const [entry, head] = pointed ?? [own, place?.head ?? 0];
  if (!entry) return <p class="map-readout" />;
  const of = kinds.get(entry.part) ?? null;
  const line = lineOf(answer, entry);
  const measured = headOf(of, line, head);
  const main = measured && measureOf(measured.kind);
  const meaning = meaningOf(entry);
  return (
    <div class="map-readout" aria-hidden="true">
      <p>
        {attentionName(entry)}, {words.head(head)}
        {meaning && <span class="soft"> ({meaning})</span>}:{" "}
        <strong>{kindText(of, line, head)}</strong>
      </p>
      {measured && (
        <ul class="map-measures">
          {(Object.entries(measured.measures) as [HeadMeasure, number][]).map(([name, share]) => (
            <li key={name} data-main={name === main || undefined}>
              {words.measures[name]}
              <span class="map-bar">
                <span style={{ width: percent(share).replace("\u00a0", "") }} />
              </span>
              <span class="num-text">{percent(share)}</span>
            </li>
          ))}
          {measured.copying !== null && (
            <li data-main={measured.copying >= copiesFrom(of) || undefined}>
              {words.copying}
              <span class="num-text">{signed(measured.copying)}</span>
            </li>
          )}
        </ul>
      )}
    </div>
  );
}

/** From which copying score on a head copies. */
function copiesFrom(kinds: Kinds): number {
  return kinds && typeof kinds === "object" && "copies" in kinds ? kinds.copies : 1;
}

/** Which of its part's layers an attention is. */
export function lineOf(answer: Run, entry: Attention): number {
  return answer.attention.filter(({ part, layer }) => part === entry.part && layer < entry.layer)
    .length;
}

/** A legend, which tells how each kind is measured, and the bounds. */
export function Signs({ kinds }: { kinds: Map<string, Kinds> }): JSX.Element {
  const words = wordsOf(table);
  const all = [...kinds.values()];
  const answer = all.find((one) => one && one !== "later" && !(one instanceof Error));
  return (
    <details class="map-signs">
      <summary aria-label={words.signs}>
        {(Object.keys(words.kinds) as HeadKind[]).map((kind) => (
          <span class="map-kind" key={kind}>
            <Sign kind={kind} />
            {words.kinds[kind]}
          </span>
        ))}
        <span class="map-kind">
          <Sign kind={null} copies />
          {words.copying}
        </span>
      </summary>
      <ul>
        {(Object.keys(words.kinds) as HeadKind[]).map((kind) => (
          <li key={kind}>
            <Sign kind={kind} />
            <span>
              <strong>{words.kinds[kind]}</strong>: {words.meanings[kind]}
            </span>
          </li>
        ))}
        <li>
          <Sign kind={null} copies />
          <span>
            <strong>{words.copying}</strong>:{" "}
            {words.copyingMeaning(copiesFrom(answer ?? null).toFixed(1))}
          </span>
        </li>
      </ul>
      <p>
        {answer && typeof answer === "object" && "share" in answer && (
          <>{words.bounds(percent(answer.share), percent(answer.even))} </>
        )}
        {words.sources}
      </p>
    </details>
  );
}
