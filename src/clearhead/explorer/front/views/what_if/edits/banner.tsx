/** What the shell shows above every view while edits are in force. */

import type { JSX } from "preact";
import { upToDate } from "../../../core/state/running";
import { asking, setState, state } from "../../../core/state/state";
import { words } from "../../../core/text/i18n";
import { text } from "../words";
import { describe } from "./describe";
import { canUndo, removeAll, removeEdit, undo } from "./history";

export function EditsBanner(): JSX.Element | null {
  const t = words(text);
  const edits = state.edits.value;
  if (edits.length === 0) return null;
  const listed = state.view.value === "what_if"; // that view has the list itself
  return (
    <section class="edits-banner" aria-label={t.count(edits.length)}>
      <p>
        <strong>
          <span aria-hidden="true">✎ </span>
          {t.count(edits.length)}
        </strong>{" "}
        {upToDate.value ? t.banner : asking.value ? t.bannerAsking : t.bannerFailed}
      </p>
      {!listed && (
        <ul>
          {edits.map((edit, place) => (
            <li key={JSON.stringify(edit)}>
              <span>{describe(edit)}</span>{" "}
              <button
                type="button"
                aria-label={t.removeLong(describe(edit))}
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
            {t.open}
          </button>
        )}
        {canUndo() && (
          <button type="button" onClick={undo}>
            {t.undo}
          </button>
        )}
        <button type="button" onClick={removeAll}>
          {t.removeAll}
        </button>
      </p>
    </section>
  );
}
