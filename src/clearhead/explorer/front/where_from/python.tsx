/** "Copy as Python", with the text beside the button. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { selectText } from "../core/host/tree";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import type { Explanation } from "./derive";
import { snippet } from "./snippet";

export function Python({ explanation }: { explanation: Explanation }): JSX.Element | null {
  const words = wordsOf(table);
  const isCopied = useSignal(false);
  const text = snippet(explanation);
  const program = useRef<HTMLPreElement>(null);
  if (!text) return null;
  const copy = async (): Promise<void> => {
    isCopied.value = await toClipboard(text, program.current);
    setTimeout(() => (isCopied.value = false), 2_000);
  };
  return (
    <div class="python">
      <div class="python-head">
        <h3>{words.python}</h3>
        <button type="button" onClick={() => void copy()}>
          {words.copyPython}
        </button>
        <span role="status">{isCopied.value ? `✓ ${words.copied}` : ""}</span>
      </div>
      <pre ref={program} tabIndex={0}>
        <code>{text}</code>
      </pre>
    </div>
  );
}

/** Where a page may not write to the clipboard, the text is selected, so that Ctrl+C copies it. */
async function toClipboard(text: string, program: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (program) selectText(program);
    return false;
  }
}
