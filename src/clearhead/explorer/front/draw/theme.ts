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
  const chosen = state.theme.value;
  if (chosen !== "system") return chosen;
  return notebookTheme.value ?? (systemDark.value ? "dark" : "light");
});

export function inks(): Inks {
  return INKS[shownTheme.value];
}
