/** "Copy as Python", with the text beside the button. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { selectText } from "../core/host/tree";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import type { Explained } from "./derive";
import { snippet } from "./snippet";

export function Python({ found }: { found: Explained }): JSX.Element | null {
  const words = wordsOf(table);
  const copied = useSignal(false);
  const text = snippet(found);
  const shown = useRef<HTMLPreElement>(null);
  if (!text) return null;
  const copy = async (): Promise<void> => {
    copied.value = await toClipboard(text, shown.current);
    setTimeout(() => (copied.value = false), 2_000);
  };
  return (
    <div class="python">
      <div class="python-head">
        <h3>{words.python}</h3>
        <button type="button" onClick={() => void copy()}>
          {words.copyPython}
        </button>
        <span role="status">{copied.value ? `✓ ${words.copied}` : ""}</span>
      </div>
      <pre ref={shown} tabIndex={0}>
        <code>{text}</code>
      </pre>
    </div>
  );
}

/** Where a page may not write to the clipboard, the text is selected, so that Ctrl+C copies it. */
async function toClipboard(text: string, shown: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (shown) selectText(shown);
    return false;
  }
}
