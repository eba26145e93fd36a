/** Making the model unsure: a temperature under the finger, and what chance makes of the sentence. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Discovery } from "../../../core/protocol";
import { shortNumber } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { Explained } from "../terms/explained";
import { table } from "../words";
import { BeforeAfter } from "./before_after";

export function Temperature({ discovery }: { discovery: Discovery }): JSX.Element | null {
  const words = wordsOf(table);
  const draws = discovery.draws ?? [];
  const place = useSignal(discovery.draw ?? 0);
  const draw = draws[place.value];
  const plain = draws.find(({ temperature }) => temperature === 1);
  if (!draw) return null;
  const name = words.drawnAt(shortNumber(draw.temperature));
  return (
    <>
      <BeforeAfter
        before={discovery.before}
        after={draw.text + (draw.ended ? "" : " …")}
        name={name}
      />
      <label class="opening-slider">
        <span>{words.temperature}</span>
        <input
          type="range"
          min={0}
          max={draws.length - 1}
          step={1}
          value={place.value}
          aria-valuetext={`${shortNumber(draw.temperature)}: ${draw.text}`}
          onInput={(event) => (place.value = event.currentTarget.valueAsNumber)}
        />
        <output>{shortNumber(draw.temperature)}</output>
      </label>
      <p class="opening-why">
        {plain && words.chance(chance(plain.probability), chance(draw.probability))}
      </p>
      <Explained>
        {(term) => (
          <p class="opening-why">
            {words.temperatureWhy[0]} {term("logit")} {words.temperatureWhy[1]}
          </p>
        )}
      </Explained>
    </>
  );
}

/** A probability as people say it; what is below one in a million is hardly ever. */
function chance(probability: number): string {
  const share = 100 * probability;
  if (share >= 10) return `${Math.round(share)} %`;
  if (share >= 0.1) return `${share.toFixed(1)} %`;
  return probability < 1e-6
    ? wordsOf(table).hardlyEver
    : wordsOf(table).oneIn(String(Math.round(1 / Number(probability.toPrecision(1)))));
}
