/** Making the model unsure: a temperature under the finger, and what chance makes of the sentence. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Discovery } from "../../../core/protocol";
import { shortNumber } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { screenKind } from "../answers";
import { Explained } from "../terms/explained";
import { table } from "../words";
import { BeforeAfter } from "./before_after";
import { chance } from "./chance";

export function Temperature({ discovery }: { discovery: Discovery }): JSX.Element | null {
  const words = wordsOf(table);
  const draws = discovery.draws ?? [];
  const place = useSignal(discovery.draw ?? 0);
  const draw = draws[place.value];
  const plain = draws.find(({ temperature }) => temperature === 1);
  if (!draw) return null;
  const labels = screenKind.value === "labels";
  const why = labels ? words.labelTemperatureWhy : words.temperatureWhy;
  const say = labels ? words.labelChance : words.chance;
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
      <p class="opening-why">{plain && say(chance(plain.probability), chance(draw.probability))}</p>
      <Explained>
        {(term) => (
          <p class="opening-why">
            {why[0]} {term("logit")} {why[1]}
          </p>
        )}
      </Explained>
    </>
  );
}
