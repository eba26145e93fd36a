/** Which number is asked about, and the way that led there. */

import { signal } from "@preact/signals";
import { allElements } from "../core/host/tree";
import type { Asked } from "./derive";
import { keepInSight } from "./in_sight";

/** The last is shown; the ones before it are the breadcrumb. Empty: the panel is closed. */
export const trail = signal<Asked[]>([]);
/** At which edge the panel stands, so that it never covers what it explains. */
export const side = signal<"left" | "right">("right");

/** From this share of the width on, a number's panel stands at the left. */
const SPLIT = 0.55;

let opener: HTMLElement | null = null;

/** Ask about a number. From within the panel it is one step further back; else a new question. */
export function askWhere(asked: Asked, from: HTMLElement): void {
  if (from.closest(".where")) {
    trail.value = [...trail.peek(), asked];
    return;
  }
  opener = from;
  const { left, right } = from.getBoundingClientRect();
  const page = from.closest(".page")?.getBoundingClientRect() ?? new DOMRect(0, 0, innerWidth);
  side.value = (left + right) / 2 > page.left + page.width * SPLIT ? "left" : "right";
  trail.value = [asked];
}

/** On a narrow screen the panel stands at the bottom (panel.css): the number moves above it. */
export function makeRoom(panel: HTMLElement): void {
  if (inNotebook(panel)) return;
  const { top, left } = panel.getBoundingClientRect();
  const bottom = opener?.getBoundingClientRect().bottom ?? 0;
  if (left <= 0 && top > 0 && bottom > top) scrollBy({ top: bottom - top + 12 });
}

/** In a notebook's cell the panel is placed, and kept in sight. Returns what ends it. */
export function settle(panel: HTMLElement): (() => void) | undefined {
  return inNotebook(panel) ? keepInSight(panel, opener) : undefined;
}

function inNotebook(panel: HTMLElement): boolean {
  return panel.closest("[data-bare]") !== null;
}

export function goBackTo(place: number): void {
  trail.value = trail.peek().slice(0, place + 1);
}

export function closeWhere(): void {
  trail.value = [];
  // The number may have been drawn anew since.
  const again = opener?.isConnected ? opener : elementLike(opener);
  again?.focus();
  opener = null;
}

function elementLike(gone: HTMLElement | null): HTMLElement | null {
  const { path, index } = gone?.dataset ?? {};
  if (path === undefined || index === undefined) return null;
  return (
    allElements(".clearhead button.num").find(
      ({ dataset }) => dataset.path === path && dataset.index === index,
    ) ?? null
  );
}
