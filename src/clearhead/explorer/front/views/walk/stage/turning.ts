/** Turning to the next step or back, by keys and by a finger. */

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { source } from "../../../core/state/state";

type Turn = (by: 1 | -1) => void;

/** Where a key has a meaning of its own: arrows choose there, and a space presses. */
const ARROWS_ELSEWHERE =
  "input, select, textarea, [contenteditable], [role=grid], [role=tablist], [role=menu], [role=dialog]";
const SPACE_ELSEWHERE = `button, a, summary, ${ARROWS_ELSEWHERE}`;

/** Pixels that a finger goes at least, and how much further to the side than down. */
const FAR = 60;
const FLAT = 2;

/** Which way a key turns; 0 where it turns nothing. */
export function turnOfKey(event: KeyboardEvent, target: Element): 1 | -1 | 0 {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return 0;
  if (event.key === " ") return target.closest(SPACE_ELSEWHERE) ? 0 : event.shiftKey ? -1 : 1;
  if (event.shiftKey || target.closest(ARROWS_ELSEWHERE)) return 0;
  return event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
}

/** Which way a finger turns that has gone so far; 0 where it scrolled, or went nowhere. */
export function turnOfSwipe(across: number, down: number): 1 | -1 | 0 {
  if (Math.abs(across) < FAR || Math.abs(across) < FLAT * Math.abs(down)) return 0;
  return across < 0 ? 1 : -1;
}

/** Whether something under a finger goes from side to side itself. */
function slides(target: EventTarget | null, root: Element): boolean {
  for (let at = target as Element | null; at && at !== root; at = at.parentElement) {
    if (at.matches("input, select")) return true;
    const scrolls = /auto|scroll/.test(getComputedStyle(at).overflowX);
    if (scrolls && at.scrollWidth > at.clientWidth + 1) return true;
  }
  return false;
}

/** Let keys turn, where no control has the focus, and swipes over the element. In a notebook the
 * keys are the notebook's unless the focus is within. */
export function useTurning(root: RefObject<HTMLElement | null>, turn: Turn): void {
  const last = useRef(turn);
  last.current = turn;
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const onKey = (event: KeyboardEvent): void => {
      const target = event.composedPath()[0];
      if (!(target instanceof Element)) return;
      const inside = element.contains(target);
      const nowhere = target === document.body || target === document.documentElement;
      if (!inside && !(nowhere && source.peek().place !== "widget")) return;
      const by = turnOfKey(event, target);
      if (!by) return;
      event.preventDefault();
      last.current(by);
    };
    let from: { x: number; y: number } | null = null;
    const onStart = (event: TouchEvent): void => {
      const touch = event.touches[0];
      const free = event.touches.length === 1 && !slides(event.target, element);
      from = touch && free ? { x: touch.clientX, y: touch.clientY } : null;
    };
    const onEnd = (event: TouchEvent): void => {
      const touch = event.changedTouches[0];
      const by = from && touch ? turnOfSwipe(touch.clientX - from.x, touch.clientY - from.y) : 0;
      from = null;
      if (by) last.current(by);
    };
    document.addEventListener("keydown", onKey);
    element.addEventListener("touchstart", onStart, { passive: true });
    element.addEventListener("touchend", onEnd, { passive: true });
    return () => {
      document.removeEventListener("keydown", onKey);
      element.removeEventListener("touchstart", onStart);
      element.removeEventListener("touchend", onEnd);
    };
  }, []);
}
