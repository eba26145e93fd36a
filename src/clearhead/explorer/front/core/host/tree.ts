/** The tree that the page stands in: the document, or in a notebook the widget's own shadow root,
 * whose elements the document does not find and whose focus it does not see. */

import { computed, type ReadonlySignal, signal } from "@preact/signals";

let tree: Document | ShadowRoot = document;
/** Pixels of the notebook's cell across; null for the page, which has the window's width. */
const cellWidth = signal<number | null>(null);

/** Let the page stand in a shadow root. Returns what ends it. */
export function standIn(root: ShadowRoot): () => void {
  tree = root;
  const observer = new ResizeObserver(() => (cellWidth.value = root.host.clientWidth));
  observer.observe(root.host);
  return () => observer.disconnect();
}

export function elementById(id: string): HTMLElement | null {
  return tree.getElementById(id);
}

export function allElements(selector: string): HTMLElement[] {
  return [...tree.querySelectorAll<HTMLElement>(selector)];
}

export function focusedElement(): HTMLElement | null {
  return tree.activeElement as HTMLElement | null;
}

/** Mark an element's text, so that it can be copied by hand. */
export function selectText(element: HTMLElement): void {
  // Chromium's document has no selection within a shadow root; the root has, where it has any.
  const chooser = tree as { getSelection?: () => Selection | null };
  (chooser.getSelection?.() ?? getSelection())?.selectAllChildren(element);
}

/** Whether the page is at most so wide, as the style sheet asks with `@media (max-width: …)`. */
export function atMostWide(rem: number): ReadonlySignal<boolean> {
  const query = matchMedia(`(max-width: ${rem}rem)`);
  const narrow = signal(query.matches);
  query.addEventListener("change", (event) => (narrow.value = event.matches));
  return computed(() => (cellWidth.value === null ? narrow.value : cellWidth.value <= 16 * rem));
}
