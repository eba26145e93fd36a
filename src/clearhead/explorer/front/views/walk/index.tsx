/** The walk: one layer, head and query held fixed from the text to the next word, a panel for each
 * step of the computation, in its order. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { elementById } from "../../core/host/tree";
import { useArray } from "../../core/state/arrays";
import { attention, run, setState, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import type { View } from "../view";
import { anchor, follow, hold, Panel, type PanelSpec, StepLink } from "./panel";
import { beginning } from "./panels/beginning";
import { ending } from "./panels/ending";
import { mixing } from "./panels/mixing";
import { projections } from "./panels/projections";
import { scores } from "./panels/scores";
import { picture } from "./picture";
import { type Plan, planFor, weightsRow } from "./plan";
import { walkJson } from "./saving";
import { Stage } from "./stage/stage";
import { PanelsSwitch } from "./stage/switch";
import { table as stageTable } from "./stage/words";
import { table, type Words } from "./words";
import "./vectors/vectors.css";
import "./tables.css";
import "./tokens.css";
import "./walk.css";

/** All panels of a plan, in the order of computation. */
export function panelsOf(plan: Plan, words: Words): PanelSpec[] {
  return [
    ...beginning(plan, words),
    ...projections(plan, words),
    ...scores(plan, words),
    ...mixing(plan, words),
    ...ending(plan, words),
  ];
}

/** The plan of the state. Where no key is chosen it is the one with the largest weight, and while
 * that is not known, the plan before stays. */
function usePlan(): Plan | null {
  const last = useRef<Plan | null>(null);
  const of = attention.value;
  const weights = useArray(
    of && state.key.value === null ? `${of.path}.weights` : null,
    of && weightsRow(of),
  );
  const largest = weights ? weights.data.indexOf(Math.max(...weights.data) as never) : null;
  const key = state.key.value ?? largest;
  const fresh = key === null ? null : planFor(key);
  // A plan of another run may speak of tokens that this one lacks.
  const old = last.current?.run === run.value ? last.current : planFor(0);
  last.current = fresh ?? old;
  return last.current;
}

function Walk(): JSX.Element {
  const words = wordsOf(table);
  const plan = usePlan();
  const step = state.step.value;
  if (!plan) return <p>{words.waiting}</p>;
  const panels = panelsOf(plan, words);
  const single = state.panels.value === "one";
  const place = Math.max(
    0,
    panels.findIndex(({ id }) => id === step),
  );
  return (
    <div class="walk" data-panels={state.panels.value}>
      <div class="walk-columns">
        <div class="walk-side">
          <PanelsSwitch />
          <KeyChoice plan={plan} />
          <Contents panels={panels} step={single ? (panels[place]?.id ?? "") : step} />
        </div>
        {single ? (
          <div class="walk-panels">
            <Stage plan={plan} panels={panels} place={place} />
            <p class="walk-hint">{wordsOf(stageTable).hint}</p>
          </div>
        ) : (
          <AllPanels plan={plan} panels={panels} />
        )}
      </div>
    </div>
  );
}

/** All panels below one another. */
function AllPanels({ plan, panels }: { plan: Plan; panels: PanelSpec[] }): JSX.Element {
  const step = state.step.value;
  useEffect(() => {
    // The address leads to a panel once, when the page opens; later the links do.
    return state.step.peek() ? hold(state.step.peek()) : undefined;
  }, []);
  useEffect(() => follow(step), [step]);
  return (
    <div class="walk-panels">
      <p class="walk-hint">{wordsOf(table).hint}</p>
      {panels.map((spec, place) => (
        <Panel
          key={spec.id}
          spec={spec}
          plan={plan}
          number={place + 1}
          total={panels.length}
          before={panels[place - 1]}
          after={panels[place + 1]}
        />
      ))}
    </div>
  );
}

/** The key, beside the shell's choice of head and query. */
function KeyChoice({ plan }: { plan: Plan }): JSX.Element {
  const words = wordsOf(table);
  return (
    <label class="walk-key-choice">
      {words.key}{" "}
      <select
        value={plan.key}
        onChange={(event) => setState({ key: Number(event.currentTarget.value) })}
      >
        {plan.keys.map((token, at) => (
          <option key={at} value={at}>{`${at}: ${token.piece}`}</option>
        ))}
      </select>
    </label>
  );
}

/** The list of panels; the one in sight is marked. */
function Contents({ panels, step }: { panels: PanelSpec[]; step: string }): JSX.Element {
  const words = wordsOf(table);
  const [panelInSight, setPanelInSight] = useState(step);
  const single = state.panels.value === "one";
  const current = single ? step : panelInSight;
  const ids = panels.map(({ id }) => id).join();
  useEffect(() => {
    if (single) return;
    const observer = new IntersectionObserver(
      (entries) => {
        const entering = entries.find((entry) => entry.isIntersecting);
        const id = (entering?.target as HTMLElement | undefined)?.dataset.step;
        if (id) setPanelInSight(id);
      },
      // A line a quarter down the window: the panel that crosses it is the one being read.
      { rootMargin: "-25% 0px -74% 0px" },
    );
    for (const id of ids.split(",")) {
      const panel = elementById(anchor(id));
      if (panel) observer.observe(panel);
    }
    return () => observer.disconnect();
  }, [ids, single]);
  return (
    <nav class="walk-contents" aria-label={words.contents}>
      <ol>
        {panels.map((panel, place) => (
          <li key={panel.id}>
            <StepLink to={panel} current={panel.id === current}>
              <span class="walk-place">{String(place + 1)}</span>
              {panel.title}
            </StepLink>
          </li>
        ))}
      </ol>
    </nav>
  );
}

export const view: View = {
  id: "walk",
  title: { en: table.en.title, pt: table.pt.title },
  needs: ["derivations"],
  component: Walk,
  picture,
  json: walkJson,
};
