/** Decoder rows by what is read or by what is predicted. */

import type { JSX } from "preact";
import { kind, setState, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { table } from "./words";

export function RowsSwitch(): JSX.Element {
  const words = wordsOf(table);
  const choices = [
    ["input", words.rowsInput],
    ["output", words.rowsOutput],
  ] as const;
  return (
    <fieldset class="heads-rows">
      <legend>{words.rows}</legend>
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
      <p class="soft">{kind.value === "generation" ? words.rowsWhyAlone : words.rowsWhy}</p>
    </fieldset>
  );
}
