/** Long lists are shown a page at a time, and say so. */

import type { JSX } from "preact";
import { wordsOf } from "../../core/text/i18n";
import { table } from "./words";

/** So many tokens at a time. */
export const PAGE = 48;

export interface Window {
  start: number;
  stop: number;
  of: number;
}

/** The page that holds a place. */
export function page(around: number, of: number): Window {
  const start = Math.floor(around / PAGE) * PAGE;
  return { start, stop: Math.min(of, start + PAGE), of };
}

/** Which part is shown, and the way to the others; nothing where all of it is. */
export function Pager({
  window,
  name,
  move,
}: {
  window: Window;
  name: string;
  move: (to: number) => void;
}): JSX.Element | null {
  const words = wordsOf(table);
  if (window.of <= PAGE) return null;
  const shown = words.shownTokens(window.start, window.stop - 1, window.of);
  return (
    <div class="pager" role="group" aria-label={name}>
      <button type="button" disabled={window.start === 0} onClick={() => move(window.start - PAGE)}>
        {words.earlier}
      </button>
      <span>{shown}</span>
      <button
        type="button"
        disabled={window.stop === window.of}
        onClick={() => move(window.start + PAGE)}
      >
        {words.later}
      </button>
    </div>
  );
}
