/** The panel in the browser's history, which address.ts writes: Back closes the panel, and Forward
 * opens it again while the page has the numbers that it speaks of. */

import { effect } from "@preact/signals";
import { run } from "../core/state/state";
import type { Asked } from "./derive";
import { closeWhere, trail } from "./trail";

/** What an entry of the history says of the panel: it was opened from there, or there, or was open
 * when the state changed, or was opened there and closed since: such an entry is used again. */
interface Mark {
  panel: number;
  at: "before" | "opened" | "within" | "closed";
}

/** Other than those that a page before a reload left in the history. */
let last = Math.floor(performance.timeOrigin);
/** Which panel is open; 0 for none. */
let open = 0;
let travelling = false;
/** The mark of the entry that is shown. */
let shown: Mark | null = null;
let kept = new Map<number, Asked[]>();
let keptOf = run.peek();

function write(mark: Mark | null, how: "push" | "replace", address = ""): void {
  shown = mark;
  if (how === "push") history.pushState(mark, "", address || location.href);
  else history.replaceState(mark, "", address || location.href);
}

/** A step of the state: an entry of its own. */
export function writeStep(address: string): void {
  write(
    open ? { panel: open, at: "within" } : null,
    shown?.at === "closed" ? "replace" : "push",
    address,
  );
}

/** A change that is no step: the entry that is there says it. */
export function writeOver(address: string): void {
  write(shown, "replace", address);
}

/** Let the history know when the panel opens and closes. Returns what ends it. */
export function followPanel(): () => void {
  [open, shown, kept] = [0, null, new Map()];
  return effect(() => {
    const now = trail.value;
    if (run.peek() !== keptOf) [kept, keptOf] = [new Map(), run.peek()];
    if (now.length) {
      if (!open) {
        open = ++last;
        const again = shown?.at === "closed";
        if (!again) write({ panel: open, at: "before" }, "replace");
        write({ panel: open, at: "opened" }, again ? "replace" : "push");
      }
      kept.set(open, now);
    } else if (open) {
      if (!travelling && shown?.at === "opened") write({ panel: open, at: "closed" }, "replace");
      open = 0;
    }
  });
}

/** Back or Forward led to an entry: `restore` takes its state, and then the panel is as it was there.
 * Between the two entries of a panel there is no step of the state: what else was changed stays. */
export function travelTo(entry: unknown, restore: (keep: boolean) => boolean): void {
  const before = shown;
  shown = entry as Mark | null;
  travelling = true;
  const changed = restore(
    before?.at === "before" ? shown?.at === "opened" : shown?.at === "before",
  );
  // Of an entry whose panel was closed by hand nothing is left that one could take back.
  if (before?.at === "closed" && !changed) history.back();
  const wasOpen = shown?.at === "opened" || shown?.at === "within";
  const there = shown && wasOpen && keptOf === run.peek() ? kept.get(shown.panel) : undefined;
  if (there && shown) {
    open = shown.panel;
    trail.value = there;
  } else if (trail.peek().length) closeWhere();
  travelling = false;
}
