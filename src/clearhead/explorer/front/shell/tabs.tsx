/** The views as tabs: arrows, Home and End go through them, as WAI-ARIA's tablist asks. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { setState } from "../core/state/state";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import type { View } from "../views/view";

export function Tabs({ views, chosen }: { views: View[]; chosen: View }): JSX.Element {
  const words = wordsOf(table);
  const go = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const place = views.indexOf(chosen);
    const last = views.length - 1;
    const next = {
      ArrowRight: place === last ? 0 : place + 1,
      ArrowLeft: place === 0 ? last : place - 1,
      Home: 0,
      End: last,
    }[event.key];
    const view = next === undefined ? undefined : views[next];
    if (!view) return;
    event.preventDefault();
    setState({ view: view.id });
    event.currentTarget.querySelector<HTMLElement>(`[data-tab="${view.id}"]`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={words.views} onKeyDown={go}>
      {views.map((view) => (
        <button
          type="button"
          role="tab"
          key={view.id}
          id={`tab-${view.id}`}
          data-tab={view.id}
          aria-selected={view === chosen}
          aria-controls="view"
          tabIndex={view === chosen ? 0 : -1}
          onClick={() => setState({ view: view.id })}
        >
          {wordsOf(view.title)}
        </button>
      ))}
    </div>
  );
}
