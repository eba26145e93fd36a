/** One step of the walk at a time: its panel, and the bar that leads on. */

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { elementById } from "../../../core/host/tree";
import { state } from "../../../core/state/state";
import { anchor, hold, Panel, type PanelSpec } from "../panel";
import type { Plan } from "../plan";
import { Bar } from "./bar";
import { ForExport } from "./export";
import { turnOnce, turnTo } from "./turn_to";
import { useTurning } from "./turning";
import "../flow/flow.css";
import "./stage.css";

interface StageProps {
  plan: Plan;
  panels: PanelSpec[];
  place: number;
}

export function Stage({ plan, panels, place }: StageProps): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const spec = panels[place]!;
  const to = (next: number, way: "to its title" | "in place"): void => {
    const panel = panels[next];
    if (panel && next !== place) turnTo(panel.id, way);
  };
  useTurning(root, (by) => to(place + by, "to its title"));
  useLayoutEffect(() => {
    const way = turnOnce();
    if (!way) return;
    if (way === "to its title")
      elementById(`${anchor(spec.id)}-title`)?.focus({ preventScroll: true });
    root.current?.scrollIntoView({ block: "start" });
  }, [spec.id]);
  useFirstStep(spec.id);
  return (
    <div ref={root} class="stage">
      <Panel
        key={spec.id}
        spec={spec}
        plan={plan}
        number={place + 1}
        total={panels.length}
        single
      />
      <Bar panels={panels} place={place} turnTo={(next) => to(next, "in place")} />
      <ForExport plan={plan} />
    </div>
  );
}

/** An address that names a step leads to it when the page opens. */
function useFirstStep(id: string): void {
  useEffect(() => (state.step.peek() ? hold(id) : undefined), []);
}
