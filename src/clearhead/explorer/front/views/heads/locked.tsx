/** The locked head: its matrix, and the lines of the chosen query beside it. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { words } from "../../core/i18n";
import { attention, keyTokens, queryTokens, setState, state } from "../../core/state";
import { Matrix } from "../../draw/matrix";
import { WindowPicker } from "../../draw/window_picker";
import { isWhole } from "../../draw/window";
import { partName } from "./all_heads";
import { holdQuery, lockedPicture, lockedTile, moveWindow, shownWindow } from "./data";
import { Lines } from "./lines";
import { RowsSwitch } from "./rows_switch";
import { table } from "./words";

export function LockedHead(): JSX.Element | null {
  const entry = attention.value;
  const told = words(table);
  useEffect(() => holdQuery(state.query.value), [state.query.value]);
  if (!entry) return null;
  const { layer, path } = entry;
  const head = state.head.value;
  const name = partName(entry.part);
  const ofDecoder = entry.part === "decoder" || entry.part === "cross";
  return (
    <section class="heads-locked" aria-labelledby="heads-locked">
      <p class="heads-kicker">{told.lockedKicker}</p>
      <h3 id="heads-locked" tabIndex={-1}>
        {told.locked(name, layer, head)}
      </h3>
      <p class="heads-path">
        <code>{path}.weights</code>
      </p>
      {ofDecoder && !entry.query_tokens && <RowsSwitch />}
      <div class="heads-beside">
        <div>
          <p class="heads-note">{told.matrixNote}</p>
          <LockedMatrix label={told.matrix(name, layer, head)} />
        </div>
        <Lines />
      </div>
      <p class="soft">{told.seen}</p>
    </section>
  );
}

function LockedMatrix({ label }: { label: string }): JSX.Element | null {
  const locked = lockedTile.value;
  const told = words(table);
  if (!locked) return null;
  const { entry, head, values, error } = locked;
  if (error) {
    return (
      <p class="heads-failed">
        {told.failed} {error.message}
      </p>
    );
  }
  const window = shownWindow.value;
  const whole = isWhole(window, entry.queries, entry.keys);
  return (
    <Matrix
      key={entry.path}
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
