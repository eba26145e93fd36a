/** The way to what each layer would say, for models that can be asked. */

import type { JSX } from "preact";
import { model, setState } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import type { Plan } from "../plan";
import { table } from "./words";

export function LensLink({ plan }: { plan: Plan }): JSX.Element | null {
  if (!model.value?.abilities.includes("lens")) return null;
  return (
    <p>
      <button
        type="button"
        class="walk-go"
        onClick={() => setState({ view: "lens", position: plan.position })}
      >
        {wordsOf(table).lens} →
      </button>
    </p>
  );
}
