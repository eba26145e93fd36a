/** How the translation says "you", of a model that was trained to be told. */

import type { JSX } from "preact";
import { model, type State, setState, source, state } from "../core/state/state";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";

export function Register(): JSX.Element | null {
  const words = wordsOf(table);
  const registers = model.value?.registers ?? [];
  if (!registers.length || source.value.place === "offline") return null;
  return (
    <label class="register" title={words.registerLong}>
      <span>{words.register}</span>
      <select
        aria-label={words.registerLong}
        value={state.formality.value}
        onChange={(event) =>
          // Edits and a given translation speak of tokens that may be others then.
          setState({
            formality: event.currentTarget.value as State["formality"],
            edits: [],
            target: null,
            key: null,
            position: null,
            query: 0,
          })
        }
      >
        <option value="auto">{words.registerAuto}</option>
        {registers.map((register) => (
          <option key={register} value={register} lang="fr">
            {register}
          </option>
        ))}
      </select>
    </label>
  );
}
