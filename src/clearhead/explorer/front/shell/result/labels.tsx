/** The labels of a classifier with their probabilities, each of which says where it comes from. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { LikelyLabel } from "../../core/protocol";
import { wordsOf } from "../../core/text/i18n";
import { table } from "../../core/text/words";
import { Num } from "../../where_from/number";

/** So many are shown at first, the likeliest. */
const FEW = 5;

export function Labels({ labels }: { labels: LikelyLabel[] }): JSX.Element {
  const words = wordsOf(table);
  const whole = useSignal(false);
  const ranked = labels
    .map((one, number) => ({ ...one, number }))
    .sort((one, other) => other.probability - one.probability);
  const shown = whole.value ? ranked : ranked.slice(0, FEW);
  return (
    <>
      <ul class="labels" aria-label={words.labels}>
        {shown.map(({ label, number, probability }) => (
          <li key={number}>
            <span class="label-name">{label}</span>
            <span class="label-bar" aria-hidden="true">
              <span style={{ width: `${100 * probability}%` }} />
            </span>
            <Num
              path="probabilities"
              index={[0, 0, number]}
              value={probability}
              label={words.probabilityOf(label)}
            />
          </li>
        ))}
      </ul>
      {labels.length > FEW && (
        <button
          type="button"
          class="link"
          aria-expanded={whole.value}
          onClick={() => (whole.value = !whole.value)}
        >
          {whole.value ? words.fewerLabels(FEW) : words.allLabels(labels.length)}
        </button>
      )}
    </>
  );
}
