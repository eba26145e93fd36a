/** The head that every view shows: part, layer, head and query. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { fit } from "../core/state/running";
import { attention, queryTokens, run, setState, state } from "../core/state/state";
import { lookUp, wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";

/** More options than this are a list, with a step back and one on. */
const MANY = 8;

export function HeadPicker(): JSX.Element | null {
  const words = wordsOf(table);
  const answer = run.value;
  const current = attention.value;
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => tellHeight(bar.current), [!answer || !current]);
  if (!answer || !current) return null;
  const parts = [...new Set(answer.attention.map(({ part }) => part))];
  const layers = answer.attention
    .filter(({ part }) => part === current.part)
    .map(({ layer }) => layer);
  const heads = Array.from({ length: current.heads }, (_, head) => head);
  const pick = (patch: { part?: string; layer?: number; head?: number }): void => {
    setState(patch);
    fit(run.peek(), setState);
  };
  return (
    <div class="picker" role="group" aria-label={words.head} ref={bar}>
      {parts.length > 1 && (
        <Choice
          legend={words.part}
          options={parts}
          selected={current.part}
          pick={(part) => pick({ part })}
          titles={words.partsLong}
        >
          {(part) => lookUp<string>(words.parts, part) ?? part}
        </Choice>
      )}
      <Choice
        legend={words.layer}
        options={layers}
        selected={current.layer}
        pick={(layer) => pick({ layer })}
      >
        {String}
      </Choice>
      <Choice
        legend={words.headNumber}
        options={heads}
        selected={state.head.value}
        pick={(head) => pick({ head })}
      >
        {String}
      </Choice>
      <QueryPicker />
    </div>
  );
}

/** The page's --shell-top is how high this bar is while it sticks to the top: what else sticks, in a
 * view, does so below it. */
function tellHeight(bar: HTMLElement | null): (() => void) | undefined {
  const page = bar?.closest<HTMLElement>(".page");
  if (!bar || !page) return undefined;
  const observer = new ResizeObserver(() => {
    const sticks = getComputedStyle(bar).position === "sticky";
    page.style.setProperty("--shell-top", sticks ? `${bar.offsetHeight}px` : "0px");
  });
  observer.observe(bar);
  return () => observer.disconnect();
}

interface ChoiceProps<T> {
  legend: string;
  options: T[];
  selected: T;
  pick: (option: T) => void;
  children: (option: T) => ComponentChildren;
  titles?: Partial<Record<string, string>>;
}

function Choice<T extends string | number>(props: ChoiceProps<T>): JSX.Element {
  const { legend, options, selected, pick, children, titles } = props;
  const name = `choice-${legend}`;
  if (options.length > MANY) return <List {...props} />;
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      <div class="segments">
        {options.map((option) => (
          <label key={option} title={titles && lookUp(titles, String(option))}>
            <input
              type="radio"
              name={name}
              value={option}
              checked={option === selected}
              onChange={() => pick(option)}
            />
            <span>{children(option)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** One of many, as a list between a step back and one on. */
function List<T extends string | number>(props: ChoiceProps<T>): JSX.Element {
  const { legend, options, selected, pick, children } = props;
  const words = wordsOf(table);
  const id = useId();
  const place = options.indexOf(selected);
  const go = (to: number): void => {
    const option = options[to];
    if (option !== undefined) pick(option);
  };
  return (
    <div class="choice">
      <label for={id}>{legend}</label>
      <div class="stepper">
        <button
          type="button"
          aria-label={words.oneBack(legend)}
          disabled={place <= 0}
          onClick={() => go(place - 1)}
        >
          ‹
        </button>
        <select
          id={id}
          value={selected}
          onChange={(event) => go(event.currentTarget.selectedIndex)}
        >
          {options.map((option) => (
            <option key={option} value={option}>
              {children(option)}
            </option>
          ))}
        </select>
        <button
          type="button"
          aria-label={words.oneOn(legend)}
          disabled={place >= options.length - 1}
          onClick={() => go(place + 1)}
        >
          ›
        </button>
      </div>
    </div>
  );
}

function QueryPicker(): JSX.Element {
  const words = wordsOf(table);
  const tokens = queryTokens();
  const count = attention.value?.queries ?? tokens.length;
  const query = state.query.value;
  const go = (next: number): void => setState({ query: Math.max(0, Math.min(count - 1, next)) });
  return (
    <div class="choice query">
      <label for="query">{words.query}</label>
      <div class="stepper">
        <button
          type="button"
          aria-label={words.previousQuery}
          disabled={query === 0}
          onClick={() => go(query - 1)}
        >
          ‹
        </button>
        <select
          id="query"
          value={query}
          onChange={(event) => go(Number(event.currentTarget.value))}
        >
          {Array.from({ length: count }, (_, place) => (
            <option key={place} value={place}>{`${place}: ${tokens[place]?.piece ?? ""}`}</option>
          ))}
        </select>
        <button
          type="button"
          aria-label={words.nextQuery}
          disabled={query >= count - 1}
          onClick={() => go(query + 1)}
        >
          ›
        </button>
      </div>
    </div>
  );
}
