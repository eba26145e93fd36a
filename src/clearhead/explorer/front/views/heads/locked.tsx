/** The locked head: its matrix, and the lines of the chosen query beside it. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { attention, keyTokens, queryTokens, run, setState, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { Matrix } from "../../draw/matrix/matrix";
import { isWhole } from "../../draw/matrix/window";
import { WindowPicker } from "../../draw/matrix/window_picker";
import { partName } from "./all_heads";
import { holdQuery, lockedPicture, lockedTile, moveWindow, shownWindow } from "./data";
import { Lines } from "./lines";
import { RowsSwitch } from "./rows_switch";
import { table } from "./words";

export function LockedHead(): JSX.Element | null {
  const entry = attention.value;
  const words = wordsOf(table);
  const section = useRef<HTMLElement>(null);
  const fits = useFits(section);
  useEffect(() => holdQuery(state.query.value), [state.query.value]);
  if (!entry) return null;
  const { layer, path } = entry;
  const head = state.head.value;
  const name = partName(entry.part);
  const ofDecoder = entry.part === "decoder" || entry.part === "cross";
  return (
    <section
      ref={section}
      class={fits ? "heads-locked fits" : "heads-locked"}
      aria-labelledby="heads-locked"
    >
      <h3 id="heads-locked" tabIndex={-1}>
        <span>{words.lockedKicker}: </span>
        {words.locked(name, layer, head)}
      </h3>
      <p class="heads-path">
        <code>{path}.weights</code>
      </p>
      {ofDecoder && !entry.query_tokens && <RowsSwitch />}
      <div class="heads-beside">
        <div>
          <p class="heads-note">{words.matrixNote}</p>
          <LockedMatrix label={words.matrix(name, layer, head)} />
        </div>
        <Lines />
      </div>
      <p class="soft">{words.seen}</p>
    </section>
  );
}

/** Pixels at the top of the window that belong to the head picker. */
const PICKER = 64;

/** Whether an element is less high than the window: then it may stay in sight, and hides nothing. */
function useFits(element: { current: Element | null }): boolean {
  const [fits, setFits] = useState(false);
  useEffect(() => {
    const watched = element.current;
    if (!watched) return;
    const measure = (): void =>
      setFits(watched.getBoundingClientRect().height <= innerHeight - PICKER);
    const observer = new ResizeObserver(measure);
    observer.observe(watched);
    addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      removeEventListener("resize", measure);
    };
  }, []);
  return fits;
}

function LockedMatrix({ label }: { label: string }): JSX.Element | null {
  const locked = lockedTile.value;
  const words = wordsOf(table);
  if (!locked) return null;
  const { entry, head, values, error } = locked;
  if (error) {
    return (
      <p class="heads-failed">
        {words.failed} {error.message}
      </p>
    );
  }
  const window = shownWindow.value;
  const whole = isWhole(window, entry.queries, entry.keys);
  return (
    <Matrix
      // Another sentence is another matrix: nothing drawn on the last one stays.
      key={`${entry.path} ${run.value?.text} ${run.value?.sentence}`}
      label={label}
      kind="weight"
      rows={queryTokens(entry.part).map(({ piece }) => piece)}
      columns={keyTokens(entry.part).map(({ piece }) => piece)}
      values={values}
      window={window}
      onWindow={whole ? undefined : moveWindow}
      selected={{ row: state.query.value, column: state.key.value }}
      onCell={(query, key) => setState({ query, key })}
      from={{
        path: `${entry.path}.weights`,
        index: (query, key) => [0, head, query, key],
      }}
    >
      {!whole && (
        <WindowPicker
          picture={lockedPicture()?.data ?? null}
          rows={entry.queries}
          columns={entry.keys}
          window={window}
          onWindow={moveWindow}
        />
      )}
    </Matrix>
  );
}
