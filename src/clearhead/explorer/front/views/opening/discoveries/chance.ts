/** How a probability is written among words. */

import { wordsOf } from "../../../core/text/i18n";
import { table } from "../words";

/** A probability as people say it; what is below one in a million is hardly ever. */
export function chance(probability: number): string {
  const share = 100 * probability;
  if (probability < 1 && share >= 99.5) return wordsOf(table).nearlyAlways;
  if (share >= 10) return `${Math.round(share)} %`;
  if (share >= 0.1) return `${share.toFixed(1)} %`;
  return probability < 1e-6
    ? wordsOf(table).hardlyEver
    : wordsOf(table).oneIn(String(Math.round(1 / Number(probability.toPrecision(1)))));
}
