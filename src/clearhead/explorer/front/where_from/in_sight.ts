/** The panel "where from?" in a notebook. A cell is far higher than what is seen of it, and what
 * stands at the edge of the window may be cut off or stand behind other things; so the panel stands
 * within the cell, in that part of it that is in sight, and moves when it would be cut. */

/** Pixels around the panel, and the least of its height. */
const GAP = 8;
const LEAST = 160;
/** From this share of the cell's width on, a panel stands above or below what it explains. */
const WIDE = 0.9;
/** Steps in which a panel that is being cut moves. */
const EDGES = Array.from({ length: 51 }, (_, step) => step / 50);

/** Returns what ends it. */
export function keepInSight(panel: HTMLElement, opener: HTMLElement | null): () => void {
  const cell = panel.parentElement;
  if (!cell) return () => undefined;
  let ended = false;
  const settle = async (): Promise<void> => {
    const seen = await inSight(cell);
    if (!ended && seen.height > 0) place(panel, cell, seen, opener);
  };
  // The window stands for what is seen until that is known: the panel is never at a wrong place.
  place(panel, cell, new DOMRect(0, 0, innerWidth, innerHeight), opener);
  const observer = new IntersectionObserver(() => void settle(), { threshold: EDGES });
  observer.observe(panel);
  observer.observe(cell);
  // It grows when its numbers come; one that stands above what it explains grows upwards.
  const growth = new ResizeObserver(() => void settle());
  growth.observe(panel);
  const again = (): void => void settle();
  addEventListener("resize", again);
  return () => {
    ended = true;
    observer.disconnect();
    growth.disconnect();
    removeEventListener("resize", again);
  };
}

/** The part of an element that is in sight. Only an observer knows what scrolls around it, and the
 * frames of Colab and VS Code, which tell their insides nothing. */
function inSight(element: Element): Promise<DOMRectReadOnly> {
  return new Promise((resolve) => {
    const observer = new IntersectionObserver((entries) => {
      observer.disconnect();
      resolve((entries[entries.length - 1] as IntersectionObserverEntry).intersectionRect);
    });
    observer.observe(element);
  });
}

function place(
  panel: HTMLElement,
  cell: HTMLElement,
  seen: DOMRectReadOnly,
  opener: HTMLElement | null,
): void {
  const { top: origin, bottom: end } = cell.getBoundingClientRect();
  let top = Math.max(seen.top, origin) + GAP;
  let bottom = Math.min(seen.bottom, end) - GAP;
  const number = opener?.getBoundingClientRect();
  const hides = panel.offsetWidth > WIDE * cell.offsetWidth;
  if (hides && number && number.top > top && number.bottom < bottom) {
    if (bottom - number.bottom >= number.top - top) top = number.bottom + GAP;
    else bottom = number.top - GAP;
  }
  const room = Math.max(LEAST, bottom - top);
  panel.style.maxHeight = `${room}px`;
  const above = number && hides && bottom < number.top;
  const from = above ? Math.max(top, bottom - panel.offsetHeight) : top;
  panel.style.top = `${from - origin - cell.clientTop}px`;
}
