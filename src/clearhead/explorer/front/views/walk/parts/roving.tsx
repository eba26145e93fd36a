/** One stop of the Tab key for a whole table of numbers; arrow keys move inside, by what is beside
 * and below on the screen, so tables may wrap. */

import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { focusedElement } from "../../../core/host/tree";

interface RovingProps {
  label: string;
  class?: string;
  children: ComponentChildren;
}

export function Roving({ label, class: name, children }: RovingProps): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const stop = useRef(0);

  const settle = (): void => {
    const all = buttons(root.current);
    stop.current = Math.max(0, Math.min(stop.current, all.length - 1));
    all.forEach((button, place) => {
      const index = place === stop.current ? 0 : -1;
      if (button.tabIndex !== index) button.tabIndex = index;
    });
  };
  useLayoutEffect(settle);
  useLayoutEffect(() => {
    const observer = new MutationObserver(settle);
    if (root.current) observer.observe(root.current, { childList: true, subtree: true });
    return () => observer.disconnect();
  }, []);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const all = buttons(root.current);
    const from = all.indexOf(focusedElement() as HTMLElement);
    if (from < 0) return;
    const to = target(all, from, event.key);
    if (to === null) return;
    event.preventDefault();
    all[to]?.focus();
  };
  const onFocusIn = (event: FocusEvent): void => {
    const place = buttons(root.current).indexOf(event.target as HTMLElement);
    if (place < 0) return;
    stop.current = place;
    settle();
  };
  return (
    <div
      ref={root}
      role="group"
      aria-label={label}
      class={name}
      onKeyDown={onKeyDown}
      onFocusIn={onFocusIn}
    >
      {children}
    </div>
  );
}

function buttons(root: HTMLElement | null): HTMLElement[] {
  return root ? [...root.querySelectorAll<HTMLElement>("button")] : [];
}

function target(all: HTMLElement[], from: number, key: string): number | null {
  const last = all.length - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  if (key === "ArrowRight") return Math.min(last, from + 1);
  if (key === "ArrowDown") return beyond(all, from, 1);
  if (key === "ArrowUp") return beyond(all, from, -1);
  return null;
}

/** The nearest button on the nearest line below (or above). */
function beyond(all: HTMLElement[], from: number, direction: 1 | -1): number {
  const here = all[from]!.getBoundingClientRect();
  const middle = here.left + here.width / 2;
  let best = from;
  let cost = Infinity;
  all.forEach((button, place) => {
    const there = button.getBoundingClientRect();
    const down = direction * (there.top + there.height / 2 - here.top - here.height / 2);
    if (down < here.height / 2) return;
    const away = down * 1000 + Math.abs(there.left + there.width / 2 - middle);
    if (away < cost) [best, cost] = [place, away];
  });
  return best;
}
