/** Which tokens of a long sentence have rows: one range of queries and one of keys for the whole
 * walk, so that what stands below one another belongs together. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { wordsOf } from "../../../core/text/i18n";
import { type Range, rangeAround, rangeFrom } from "../../../draw/matrix/window";
import type { Plan } from "../plan";
import { table } from "../words";

/** So many rows are shown at once. */
export const MOST = 24;

type Side = "query" | "key";

/** First rows, as the reader has moved them while this token was chosen. */
const readerStarts = {
  query: signal<[string, number] | null>(null),
  key: signal<[string, number] | null>(null),
};
/** First rows as last shown: they stay while they hold what is chosen. */
const lastStarts: Record<Side, [string, number] | null> = { query: null, key: null };

function sequence(plan: Plan, side: Side): string {
  return JSON.stringify([plan.run.request, side === "query" ? plan.stack : plan.keyStack]);
}

function lengthOf(plan: Plan, side: Side): number {
  return side === "query" ? plan.queries.length : plan.keys.length;
}

/** The range around the chosen token, unless the reader has moved on from it. */
export function rangeOf(plan: Plan, side: Side): Range {
  const of = lengthOf(plan, side);
  const among = sequence(plan, side);
  const [readerStart, last] = [readerStarts[side].value, lastStarts[side]];
  const around = rangeAround(plan[side], of, MOST);
  const stays = last?.[0] === among ? rangeFrom(last[1], of, MOST) : around;
  const holds = plan[side] >= stays[0] && plan[side] < stays[1];
  const range =
    readerStart?.[0] === `${among}${plan[side]}`
      ? rangeFrom(readerStart[1], of, MOST)
      : holds
        ? stays
        : around;
  lastStarts[side] = [among, range[0]];
  return range;
}

export function indices([start, stop]: Range): number[] {
  return Array.from({ length: stop - start }, (_, at) => start + at);
}

/** What part is shown, and buttons that move it; nothing where all is. */
export function Truncation({ plan, side }: { plan: Plan; side: Side }): JSX.Element | null {
  const words = wordsOf(table);
  const of = lengthOf(plan, side);
  if (of <= MOST) return null;
  const [start, stop] = rangeOf(plan, side);
  const go = (first: number): void => {
    readerStarts[side].value = [`${sequence(plan, side)}${plan[side]}`, first];
  };
  return (
    <p class="walk-truncation">
      <span>{words.shown(start, stop - 1, of, side === "query" ? words.queries : words.keys)}</span>
      <button type="button" disabled={start === 0} onClick={() => go(Math.max(0, start - MOST))}>
        ← {words.earlier}
      </button>
      <button type="button" disabled={stop === of} onClick={() => go(Math.min(of - MOST, stop))}>
        {words.later} →
      </button>
    </p>
  );
}
