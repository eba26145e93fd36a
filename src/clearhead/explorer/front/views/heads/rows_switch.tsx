/** Decoder rows by what is read or by what is predicted. */

import type { JSX } from "preact";
import { setState, state } from "../../core/state/state";
import { words } from "../../core/text/i18n";
import { table } from "./words";

export function RowsSwitch(): JSX.Element {
  const told = words(table);
  const choices = [
    ["input", told.rowsInput],
    ["output", told.rowsOutput],
  ] as const;
  return (
    <fieldset class="heads-rows">
      <legend>{told.rows}</legend>
      {choices.map(([value, text]) => (
        <label key={value}>
          <input
            type="radio"
            name="heads-rows"
            value={value}
            checked={state.rows.value === value}
            onChange={() => setState({ rows: value })}
          />
          {text}
        </label>
      ))}
      <p class="soft">{told.rowsWhy}</p>
    </fieldset>
  );
}
