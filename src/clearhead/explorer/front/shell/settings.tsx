/** Language and theme. */

import type { JSX } from "preact";
import { setState, source, state, type Theme } from "../core/state/state";
import { type Language, words } from "../core/text/i18n";
import { table } from "../core/text/words";

const LANGUAGES: [Language, string, string][] = [
  ["en", "EN", "English"],
  ["pt", "PT", "Português"],
];
const THEMES: Theme[] = ["system", "light", "dark"];

export function Settings(): JSX.Element {
  const t = words(table);
  const inNotebook = source.value.place === "widget";
  return (
    <>
      <div class="languages" role="group" aria-label={t.language}>
        {LANGUAGES.map(([code, short, name]) => (
          <button
            type="button"
            key={code}
            lang={code}
            title={name}
            aria-label={name}
            aria-pressed={state.language.value === code}
            onClick={() => setState({ language: code })}
          >
            {short}
          </button>
        ))}
      </div>
      <label class="theme">
        <span class="unseen">{t.theme}</span>
        <select
          value={state.theme.value}
          onChange={(event) => setState({ theme: event.currentTarget.value as Theme })}
          title={t.theme}
        >
          {THEMES.map((theme) => (
            <option key={theme} value={theme}>
              {theme === "system" && inNotebook ? t.asNotebook : t.themes[theme]}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}
