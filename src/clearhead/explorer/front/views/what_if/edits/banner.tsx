/** What the shell shows above every view while edits are in force. */

import type { JSX } from "preact";
import { upToDate } from "../../../core/state/running";
import { asking, setState, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { table } from "../words";
import { describe } from "./describe";
import { canUndo, removeAll, removeEdit, undo } from "./history";

export function EditsBanner(): JSX.Element | null {
  const words = wordsOf(table);
  const edits = state.edits.value;
  if (edits.length === 0) return null;
  const listed = state.view.value === "what_if"; // that view has the list itself
  return (
    <section class="edits-banner" aria-label={words.count(edits.length)}>
      <p>
        <strong>
          <span aria-hidden="true">✎ </span>
          {words.count(edits.length)}
        </strong>{" "}
        {upToDate.value ? words.banner : asking.value ? words.bannerAsking : words.bannerFailed}
      </p>
      {!listed && (
        <ul>
          {edits.map((edit, place) => (
            <li key={JSON.stringify(edit)}>
              <span>{describe(edit)}</span>{" "}
              <button
                type="button"
                aria-label={words.removeLong(describe(edit))}
                onClick={() => removeEdit(place)}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <p class="edits-banner-ways">
        {!listed && (
          <button type="button" onClick={() => setState({ view: "what_if" })}>
            {words.open}
          </button>
        )}
        {canUndo() && (
          <button type="button" onClick={undo}>
            {words.undo}
          </button>
        )}
        <button type="button" onClick={removeAll}>
          {words.removeAll}
        </button>
      </p>
    </section>
  );
}
