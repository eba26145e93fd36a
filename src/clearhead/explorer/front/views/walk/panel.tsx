/** The frame of a panel: its number, what it is in one sentence, its formula, and the way on. */

import type { FunctionComponent, JSX } from "preact";
import { allElements, elementById } from "../../core/host/tree";
import { toHash } from "../../core/state/address";
import { setState, snapshot, state, stepAt } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { Formula } from "./parts/formula";
import type { Plan } from "./plan";
import { turnTo } from "./stage/turn_to";
import { table } from "./words";

export interface PanelSpec {
  id: string;
  title: string;
  sentence: string;
  formula?: string | undefined;
  /** Steps that the panel shows and an edit may have replaced. */
  steps?: string[];
  body: FunctionComponent<{ plan: Plan; panel: string }>;
  /** How the step comes about; shown where one step is shown at a time. */
  flow?: FunctionComponent<{ plan: Plan; panel: string }>;
}

/** Prefix of the panels' ids in the page. */
export const anchor = (id: string): string => `walk-${id}`;

/** The panel that was last led to: the browser's back button changes the address alone. */
let lastTarget = "";

/** Go to a panel: the address holds it, and the keyboard goes on from there. */
export function goTo(id: string): void {
  lastTarget = id;
  if (state.panels.peek() === "one") {
    turnTo(id, "to its title");
    return;
  }
  setState({ step: id, moment: null });
  reveal(id);
}

/** The address says another panel than the links have: go there. */
export function follow(id: string): void {
  if (!id || id === lastTarget) return;
  lastTarget = id;
  reveal(id);
}

function reveal(id: string): void {
  const panel = elementById(anchor(id));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  panel?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  panel?.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
}

/** Keep a panel in place while those above it fill with numbers, until the reader moves. */
export function hold(id: string): () => void {
  lastTarget = id;
  const walk = allElements(".walk-panels")[0];
  const place = (): void => elementById(anchor(id))?.scrollIntoView({ block: "start" });
  const observer = new ResizeObserver(() => {
    place();
    if (!walk?.querySelector(".walk-loading")) setTimeout(end, 500);
  });
  const moves = ["wheel", "touchstart", "keydown", "pointerdown"];
  const end = (): void => {
    observer.disconnect();
    for (const move of moves) removeEventListener(move, end);
  };
  for (const move of moves) addEventListener(move, end, { passive: true });
  if (walk) observer.observe(walk);
  place();
  elementById(`${anchor(id)}-title`)?.focus({ preventScroll: true });
  return end;
}

interface LinkProps {
  to: { id: string; title: string };
  class?: string;
  label?: string;
  current?: boolean;
  children: JSX.Element | string | (JSX.Element | string)[];
}

export function StepLink({ to, class: name, label, current, children }: LinkProps): JSX.Element {
  return (
    <a
      class={name}
      href={toHash({ ...snapshot(), step: to.id, moment: null }) || "#"}
      aria-label={label}
      aria-current={current ? "step" : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        goTo(to.id);
      }}
    >
      {children}
    </a>
  );
}

interface PanelProps {
  spec: PanelSpec;
  plan: Plan;
  number: number;
  total: number;
  before?: PanelSpec | undefined;
  after?: PanelSpec | undefined;
  /** It is shown by itself, with its flow. */
  single?: boolean;
}

export function Panel(props: PanelProps): JSX.Element {
  const { spec, plan, number, total, before, after, single = false } = props;
  const Flow = single ? spec.flow : undefined;
  const words = wordsOf(table);
  const id = anchor(spec.id);
  const Body = spec.body;
  return (
    <section id={id} class="walk-panel" aria-labelledby={`${id}-title`} data-step={spec.id}>
      <header>
        <h2 id={`${id}-title`} tabIndex={-1}>
          <StepLink
            to={spec}
            class="walk-number"
            label={`${words.stepOf(number, total)}. ${words.linkTo(spec.title)}`}
          >
            {String(number)}
          </StepLink>
          {spec.title}
        </h2>
        {!single && (
          <nav class="walk-neighbours" aria-label={words.stepOf(number, total)}>
            {before && (
              <StepLink to={before} label={`${words.previous}: ${before.title}`}>
                {`← ${before.title}`}
              </StepLink>
            )}
            {after && (
              <StepLink to={after} label={`${words.next}: ${after.title}`}>
                {`${after.title} →`}
              </StepLink>
            )}
          </nav>
        )}
      </header>
      <p class="walk-sentence">{spec.sentence}</p>
      {spec.formula && <Formula text={spec.formula} />}
      {spec.steps?.some((path) => stepAt(path)?.replaced) && (
        <p class="walk-edited">{words.edited}</p>
      )}
      {Flow && <Flow plan={plan} panel={spec.id} />}
      <Body plan={plan} panel={spec.id} />
    </section>
  );
}
