/** The theme of the notebook around a widget, as each kind of notebook tells it. */

import { signal } from "@preact/signals";

/** Null where nothing tells it: on a page of its own, and in a notebook of an unknown kind. */
export const notebookTheme = signal<"light" | "dark" | null>(null);

// VS Code; marimo; Colab. JupyterLab has an attribute with both answers.
const DARK =
  ".vscode-dark, .vscode-high-contrast:not(.vscode-high-contrast-light), .dark, [data-theme=dark], [theme=dark]";
const LIGHT =
  ".vscode-light, .vscode-high-contrast-light, .light, [data-theme=light], [theme=light]";

/** Follow the theme of the notebook. Returns what ends it. */
export function followNotebookTheme(): () => void {
  const readTheme = (): void => {
    notebookTheme.value = themeOf(document);
  };
  readTheme();
  const observer = new MutationObserver(readTheme);
  const attributeFilter = ["class", "theme", "data-theme", "data-jp-theme-light"];
  for (const element of [document.documentElement, document.body])
    observer.observe(element, { attributes: true, attributeFilter });
  return () => observer.disconnect();
}

function themeOf({ body, documentElement }: Document): "light" | "dark" | null {
  const { jpThemeLight } = body.dataset;
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark";
  for (const element of [body, documentElement]) {
    if (element.matches(DARK)) return "dark";
    if (element.matches(LIGHT)) return "light";
  }
  // Colab names its dark theme alone.
  return "colab" in ((globalThis as { google?: object }).google ?? {}) ? "light" : null;
}
