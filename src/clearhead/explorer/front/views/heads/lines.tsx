/** One query on one side, the keys on the other, and a line for each weight: as wide as it is large. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Attention } from "../../core/protocol";
import { keyTokens, queryTokens, setState, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { nextCell } from "../../draw/matrix/grid_keys";
import type { Range } from "../../draw/matrix/window";
import { Num } from "../../where_from/number";
import { type KeyWeight, LINES_MOST, linksOf, listedQueries, lockedRow, sumOf } from "./data";
import { table } from "./words";

/** Pixels of a token's line, of the gap that the lines cross, and of the widest line. */
export const LINE = { height: 26, gap: 110, widest: 14 } as const;

/** The width of a weight's line: proportional, and never too thin to be seen. */
export function lineWidth(weight: number): number {
  return Math.max(0.75, weight * LINE.widest);
}

export function Lines(): JSX.Element | null {
  const row = lockedRow.value;
  const words = wordsOf(table);
  if (!row) return null;
  const { entry, head, values } = row;
  const query = state.query.value;
  const labels = queryTokens(entry.part);
  const links = values ? linksOf(values) : [];
  const visibleQueries = listedQueries(entry, query);
  const lines = Math.max(visibleQueries[1] - visibleQueries[0], links.length);
  return (
    <section class="heads-lines" aria-labelledby="heads-lines">
      <h4 id="heads-lines">{words.lines}</h4>
      <p class="heads-note">{words.linesNote(labels[query]?.piece ?? "", query)}</p>
      <div class="heads-lines-sides" style={{ minHeight: `${lines * LINE.height}px` }}>
        <QueryList entry={entry} visibleQueries={visibleQueries} query={query} />
        <svg width={LINE.gap} height={lines * LINE.height} aria-hidden="true">
          {links.map(({ key, weight }, at) =>
            Number.isNaN(weight) ? null : (
              <line
                key={key}
                class={key === state.key.value ? "heads-line chosen" : "heads-line"}
                x1={0}
                y1={middle(query - visibleQueries[0])}
                x2={LINE.gap}
                y2={middle(at)}
                stroke-width={lineWidth(weight)}
              />
            ),
          )}
        </svg>
        <KeyList entry={entry} head={head} query={query} links={links} />
      </div>
      {values && <p class="soft">{words.rowSum(sumOf(linksOf(values, entry.keys)).toFixed(4))}</p>}
      {entry.keys > LINES_MOST && values && (
        <p class="soft">{words.linesMost(links.length, entry.keys, sumOf(links).toFixed(3))}</p>
      )}
      {entry.queries > LINES_MOST && (
        <p class="soft">
          {words.linesQueries(visibleQueries[0], visibleQueries[1] - 1, entry.queries)}
        </p>
      )}
    </section>
  );
}

export function middle(line: number): number {
  return (line + 0.5) * LINE.height;
}

interface QueryListProps {
  entry: Attention;
  visibleQueries: Range;
  query: number;
}

function QueryList({ entry, visibleQueries, query }: QueryListProps): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const words = wordsOf(table);
  const labels = queryTokens(entry.part);
  const choose = (next: number): void => {
    setState({ query: next });
    // After the list has followed: the chosen query may be outside what was listed.
    requestAnimationFrame(() =>
      list.current?.querySelector<HTMLElement>('[aria-checked="true"]')?.focus(),
    );
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const bounds = { rows: [0, entry.queries] as const, columns: [0, 1] as const };
    const upright = event.key === "Home" || event.key === "End" ? ctrl(event) : event;
    const next = nextCell({ row: query, column: 0 }, upright, bounds, LINES_MOST);
    if (!next) return;
    event.preventDefault();
    choose(next.row);
  };
  return (
    <div ref={list} role="radiogroup" aria-label={words.queries} onKeyDown={onKeyDown}>
      {Array.from({ length: visibleQueries[1] - visibleQueries[0] }, (_, at) => {
        const position = visibleQueries[0] + at;
        const selected = position === query;
        return (
          <button
            key={position}
            type="button"
            role="radio"
            class="heads-query"
            title={labels[position]?.piece}
            aria-checked={selected}
            tabIndex={selected ? 0 : -1}
            style={{ height: `${LINE.height}px` }}
            onClick={() => choose(position)}
          >
            <small>{position}</small> {labels[position]?.piece}
          </button>
        );
      })}
    </div>
  );
}

/** In a list, Home and End go to its ends, as Ctrl+Home and Ctrl+End do in a grid. */
function ctrl(event: KeyboardEvent): Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey"> {
  return { key: event.key, ctrlKey: true, metaKey: false, altKey: event.altKey };
}

interface KeyListProps {
  entry: Attention;
  head: number;
  query: number;
  links: KeyWeight[];
}

function KeyList({ entry, head, query, links }: KeyListProps): JSX.Element {
  const words = wordsOf(table);
  const labels = keyTokens(entry.part);
  return (
    <ol class="heads-keys" aria-label={words.keys}>
      {links.map(({ key, weight }) => (
        <li
          key={key}
          class={key === state.key.value ? "chosen" : undefined}
          style={{ height: `${LINE.height}px` }}
        >
          {Number.isNaN(weight) ? (
            <span class="heads-masked">{words.masked}</span>
          ) : (
            <Num
              path={`${entry.path}.weights`}
              index={[0, head, query, key]}
              value={weight}
              digits={3}
              label={labels[key]?.piece ?? String(key)}
            />
          )}
          <span class="heads-key">
            <small>{key}</small> {labels[key]?.piece}
          </span>
        </li>
      ))}
    </ol>
  );
}
