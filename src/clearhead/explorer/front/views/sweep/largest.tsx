/** The largest effects as a table: every number as text. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Sweep } from "../../core/protocol";
import { format, signed } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { BarCell, Diverging, Section } from "../shared/parts";
import { effectsOf } from "./data";
import { placeText, shareText } from "./grid";
import { table } from "./words";

const STEP = 10;
const count = signal(STEP);

export function Largest({ sweep }: { sweep: Sweep }): JSX.Element {
  const words = wordsOf(table);
  const effects = effectsOf(sweep);
  const most = Math.abs(effects[0]?.value ?? 0);
  const hasShares = effects.some(({ share }) => share !== null);
  const rest = effects.length - count.value;
  return (
    <Section title={words.largest} id="sweep-largest">
      <div class="sweep-scroll">
        <table class="sweep-largest">
          <thead>
            <tr>
              <th scope="col">{words.place}</th>
              <th scope="col">{words.effect}</th>
              <th scope="col">{words.metric}</th>
              {hasShares && <th scope="col">{words.share}</th>}
            </tr>
          </thead>
          <tbody>
            {effects.slice(0, count.value).map(({ index, value, metric, share }) => (
              <tr key={index.join(" ")}>
                <th scope="row">{placeText(sweep, index)}</th>
                <BarCell bar={<Diverging value={value} most={most} />}>{signed(value)}</BarCell>
                <td class="number">{format(metric)}</td>
                {hasShares && <td class="number">{share === null ? "" : shareText(share)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rest > 0 && (
        <button
          type="button"
          onClick={() => {
            count.value += 4 * STEP;
          }}
        >
          {words.more(Math.min(rest, 4 * STEP))}
        </button>
      )}
      <p class="note">{words.caution}</p>
    </Section>
  );
}
