/** The line of the map that stays in sight: where one is, and the query. */

import type { JSX } from "preact";
import type { Run } from "../core/protocol";
import { attention, queryTokens, setState, state } from "../core/state/state";
import { wordsOf } from "../core/text/i18n";
import { headOf, isCopying, type Kinds, measureOf } from "../views/shared/kinds";
import { attentionName, inSentence, kindText, stackName } from "./boxes";
import type { Place } from "./place";
import { lineOf } from "./readout";
import { Sign } from "./sign";
import { table } from "./words";

interface HereProps {
  answer: Run;
  place: Place;
  kinds: Map<string, Kinds>;
}

export function Here({ answer, place, kinds }: HereProps): JSX.Element {
  const words = wordsOf(table);
  const entry = attention.value;
  const of = kinds.get(place.part) ?? null;
  const line = entry ? lineOf(answer, entry) : 0;
  const measured = place.box === "attention" ? headOf(of, line, place.head) : null;
  const measure = measured && measureOf(measured.kind);
  return (
    <p class="map-here" role="status">
      <span class="map-pin" aria-hidden="true" />
      <span class="soft">{words.here}:</span>{" "}
      <strong>
        {entry && place.box === "attention"
          ? `${attentionName(entry)}, ${words.head(place.head)}`
          : stepName(place)}
      </strong>
      {measured && (
        <span class="map-kind">
          <Sign
            kind={measured.kind}
            copies={isCopying(of, measured)}
            {...(measure && { share: measured.measures[measure] ?? 1 })}
          />
          {kindText(of, line, place.head)}
        </span>
      )}
    </p>
  );
}

/** "Encoder, layer 2, feed-forward". */
function stepName({ stack, box, layer }: Place): string {
  const words = wordsOf(table);
  if (box === "feed")
    return `${stackName(stack)}, ${inSentence(words.layer(layer))}, ${words.feed}`;
  const name = box === "embedding" ? words.embedding : words.outputs.logits;
  return `${stackName(stack)}, ${inSentence(name)}`;
}

/** The query: which position's row of weights the views look at. */
export function QueryPicker(): JSX.Element {
  const words = wordsOf(table);
  const tokens = queryTokens();
  const count = attention.value?.queries ?? tokens.length;
  const query = state.query.value;
  const go = (next: number): void => setState({ query: Math.max(0, Math.min(count - 1, next)) });
  return (
    <div class="choice query">
      <label for="query">{words.query}</label>
      <div class="stepper">
        <button
          type="button"
          aria-label={words.previousQuery}
          disabled={query === 0}
          onClick={() => go(query - 1)}
        >
          ‹
        </button>
        <select
          id="query"
          value={query}
          onChange={(event) => go(Number(event.currentTarget.value))}
        >
          {Array.from({ length: count }, (_, place) => (
            <option key={place} value={place}>{`${place}: ${tokens[place]?.piece ?? ""}`}</option>
          ))}
        </select>
        <button
          type="button"
          aria-label={words.nextQuery}
          disabled={query >= count - 1}
          onClick={() => go(query + 1)}
        >
          ›
        </button>
      </div>
    </div>
  );
}
