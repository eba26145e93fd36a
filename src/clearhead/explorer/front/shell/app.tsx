/** The shell around the views. */

import { computed, effect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { elementById } from "../core/host/tree";
import type { Model } from "../core/protocol";
import { areArraysPending } from "../core/state/arrays";
import { followState } from "../core/state/running";
import { asking, model, run, state } from "../core/state/state";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import { shownTheme } from "../draw/theme";
import { ModelMap } from "../map";
import { views } from "../views";
import { Opening } from "../views/opening";
import type { View } from "../views/view";
import { EditsBanner } from "../views/what_if";
import { followView, WhereFrom } from "../where_from/panel";
import { Check } from "./check";
import { examplesOf } from "./examples";
import { ExportMenu } from "./export";
import { Failure, LastAnswer } from "./failure";
import { SentenceBox } from "./sentence";
import { Settings } from "./settings";
import { Tabs } from "./tabs";
import { Training } from "./training";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/header.css";
import "./styles/sentence.css";
import "./styles/tabs.css";
import "./styles/narrow.css";
import "../where_from/panel.css";
import "./styles/notebook.css";

/** Whether what the page shows may still be from before: a sentence or numbers are on their way. */
const isBusy = computed(() => asking.value || areArraysPending.value);

/** The views that this model can show. */
export function viewsOf(description: Model | null): View[] {
  return views.filter((view) =>
    view.needs.every((ability) => description?.abilities.includes(ability) ?? true),
  );
}

export interface AppProps {
  /** Called once, when the page is shown: follows the address, or what a notebook sets. */
  begin?: () => () => void;
  /** Without the page's name and settings, where the place has its own. */
  bare?: boolean;
}

export function App({ begin, bare = false }: AppProps): JSX.Element {
  useEffect(() => {
    const endings = [begin?.(), followState(firstText), followView(), effect(tellDocument)];
    return () => {
      for (const end of endings) end?.();
    };
  }, []);
  const words = wordsOf(table);
  const all = viewsOf(model.value);
  // The result of a sweep has a view of its own, and no run that others could show.
  const alone = model.value?.kind === "sweep" ? all.find(({ id }) => id === "sweep") : undefined;
  const current = alone ?? all.find((view) => view.id === state.view.value) ?? all[0];
  return (
    <div
      class="page"
      data-theme={shownTheme.value}
      data-bare={bare || undefined}
      data-screen={state.screen.value}
      lang={state.language.value === "pt" ? "pt-BR" : "en"}
      aria-busy={isBusy}
    >
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to the view, without a step in the address */}
      <a class="skip" href="#view" onClick={skipToView}>
        {words.skip}
      </a>
      <div class="progress" data-on={asking.value || undefined} />
      <header class="top">
        {!bare && (
          <div class="name">
            <h1>clearhead</h1>
            <p>{words.taglines[model.value?.kind ?? "translation"]}</p>
          </div>
        )}
        <div class="tools">
          <Settings />
          {current && !alone && <ExportMenu view={current} />}
        </div>
      </header>
      <main>
        <SentenceBox />
        <Training />
        <Failure />
        <Opening />
        {!alone && (
          <div class="beneath">
            <Check />
            <div class="hint" role="note" aria-label={words.hintTitle}>
              <p>{words.hint1}</p>
              <p>{words.hint2}</p>
            </div>
          </div>
        )}
        {alone && (
          <section id="view" class="view" tabIndex={-1} data-view="sweep">
            <alone.component />
          </section>
        )}
        {current && run.value && (
          <>
            <LastAnswer />
            <EditsBanner />
            <ModelMap />
            <Tabs views={all} current={current} />
            <section
              id="view"
              class="view"
              role="tabpanel"
              aria-labelledby={`tab-${current.id}`}
              tabIndex={-1}
              data-view={current.id}
            >
              <current.component key={current.id} />
            </section>
          </>
        )}
      </main>
      <WhereFrom />
    </div>
  );
}

function firstText(description: Model): string {
  return examplesOf(description)[0] ?? "";
}

function skipToView(event: Event): void {
  event.preventDefault(); // the address is the state's
  elementById("view")?.focus();
}

function tellDocument(): void {
  const title = run.value?.translation ? `${run.value.text} → ${run.value.translation}` : "";
  if (document.getElementById("clearhead")) {
    document.documentElement.lang = state.language.value === "pt" ? "pt-BR" : "en";
    document.title = title ? `${title} · clearhead` : "clearhead";
  }
}
