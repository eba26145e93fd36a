/** Heads: all of them as small pictures, and the locked one in full. */

import type { JSX, TargetedEvent } from "preact";
import { attention, run } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { WeightLegend } from "../../draw/scene/legends";
import type { View } from "../view";
import { AllHeads } from "./all_heads";
import { recorded } from "./data";
import { exported } from "./export";
import "./heads.css";
import { LockedHead } from "./locked";
import { picture } from "./picture/picture";
import { table } from "./words";

function Heads(): JSX.Element | null {
  const words = wordsOf(table);
  const entry = attention.value;
  if (!run.value || !entry) return null;
  return (
    <div class="heads">
      <div class="heads-top">
        <WeightLegend />
        <p class="soft">{words.legendNote}</p>
      </div>
      <div class="heads-columns">
        <section class="heads-all" aria-labelledby="heads-all">
          <h3 id="heads-all">{words.all}</h3>
          <p>
            {words.lock}{" "}
            {entry.heads > 8 && !recorded()
              ? words.entropyPointed
              : words.entropyNote(Math.log(entry.keys).toFixed(2), entry.keys)}
          </p>
          <button type="button" class="heads-jump" onClick={toLocked}>
            {words.toLocked}
          </button>
          <AllHeads />
        </section>
        <LockedHead />
      </div>
    </div>
  );
}

/** On a narrow page the locked head stands below all others. */
function toLocked(event: TargetedEvent<HTMLElement>): void {
  const heading = event.currentTarget
    .closest(".heads")
    ?.querySelector<HTMLElement>("#heads-locked");
  heading?.scrollIntoView({ block: "start" });
  heading?.focus({ preventScroll: true });
}

export const view: View = {
  id: "heads",
  title: { en: table.en.title, pt: table.pt.title },
  needs: [],
  component: Heads,
  picture,
  json: exported,
};
