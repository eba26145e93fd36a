/** Language, theme, and type for a projector. */

import type { JSX } from "preact";
import { setState, source, state, type ThemeSetting } from "../core/state/state";
import { type Language, wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";

const LANGUAGES: [Language, string, string][] = [
  ["en", "EN", "English"],
  ["pt", "PT", "Português"],
];
const THEMES: ThemeSetting[] = ["system", "light", "dark"];

export function Settings(): JSX.Element {
  const words = wordsOf(table);
  const inNotebook = source.value.place === "widget";
  return (
    <>
      <div class="languages" role="group" aria-label={words.language}>
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
      <button
        type="button"
        class="projector"
        aria-pressed={state.screen.value === "projector"}
        title={words.projectorTitle}
        onClick={() =>
          setState({ screen: state.screen.peek() === "projector" ? "desk" : "projector" })
        }
      >
        {words.projector}
      </button>
      <label class="theme">
        <span class="unseen">{words.theme}</span>
        <select
          value={state.theme.value}
          onChange={(event) => setState({ theme: event.currentTarget.value as ThemeSetting })}
          title={words.theme}
        >
          {THEMES.map((theme) => (
            <option key={theme} value={theme}>
              {theme === "system" && inNotebook ? words.asNotebook : words.themes[theme]}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}
