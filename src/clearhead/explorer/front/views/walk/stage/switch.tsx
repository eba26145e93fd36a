/** One step at a time, or all of them below one another. */

import type { JSX } from "preact";
import { setState, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { table } from "./words";

export function PanelsSwitch(): JSX.Element {
  const words = wordsOf(table);
  const all = state.panels.value === "all";
  return (
    <button
      type="button"
      class="walk-switch"
      aria-pressed={all}
      onClick={() => setState({ panels: all ? "one" : "all", moment: null })}
    >
      {words.all}
    </button>
  );
}
