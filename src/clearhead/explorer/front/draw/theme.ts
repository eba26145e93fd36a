/** Which of the two themes is on the screen: the chosen one, or else that of the notebook around it,
 * or else what the system prefers. */

import { computed, signal } from "@preact/signals";

import { notebookTheme } from "../core/host/notebook_theme";
import { state } from "../core/state/state";
import { INKS, type Inks, PROJECTOR_INKS, type Theme } from "./colours";

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

/** The sizes of type of shell/styles/base.css in pixels, for what is measured before it is drawn. */
const SIZES = {
  desk: { small: 13, text: 16, lead: 20, title: 24, display: 34 },
  projector: { small: 18, text: 22, lead: 28, title: 34, display: 48 },
};

/** The five of a desk, which exported pictures are set in. */
export const TYPE = SIZES.desk;

/** As in base.css: on a narrower page a projector's type would not fit. */
const wide = typeof matchMedia === "function" ? matchMedia("(min-width: 80rem)") : null;
const isWide = signal(wide?.matches ?? true);
wide?.addEventListener("change", (event) => {
  isWide.value = event.matches;
});

export const typeSizes = computed(() => SIZES[isWide.value ? state.screen.value : "desk"]);

/** By how much drawings grow with the type. */
export const typeScale = computed<number>(() => typeSizes.value.small / SIZES.desk.small);

export function inks(): Inks {
  const all = state.screen.value === "projector" ? PROJECTOR_INKS : INKS;
  return all[shownTheme.value];
}
