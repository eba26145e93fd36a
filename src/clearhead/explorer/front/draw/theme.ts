/** Which of the two themes is on the screen: the chosen one, or else that of the notebook around it,
 * or else what the system prefers. */

import { computed, signal } from "@preact/signals";

import { notebookTheme } from "../core/host/notebook_theme";
import { state } from "../core/state/state";
import { INKS, type Inks, type Theme } from "./colours";

const query = typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : null;
const systemDark = signal(query?.matches ?? false);
query?.addEventListener("change", (event) => {
  systemDark.value = event.matches;
});

export const shownTheme = computed<Theme>(() => {
  const setting = state.theme.value;
  if (setting !== "system") return setting;
  return notebookTheme.value ?? (systemDark.value ? "dark" : "light");
});

/** Type on the projector is so much larger: --type-small of shell/styles/base.css, in both. */
const PROJECTOR = 18 / 13;

/** By how much drawings grow with the type. */
export const typeScale = computed<number>(() =>
  state.screen.value === "projector" ? PROJECTOR : 1,
);

export function inks(): Inks {
  return INKS[shownTheme.value];
}
