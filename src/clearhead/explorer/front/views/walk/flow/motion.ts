/** How a step of the walk comes about, from its operands to its result, and how far it has come. The
 * page's state, and so its address, says where it rests; while it moves, only this does. */

import { computed, signal } from "@preact/signals";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { setState, state } from "../../../core/state/state";

export interface Motion {
  /** States after the first one: of `count` the step is finished. */
  count: number;
  /** How long one of them is looked at while it plays. */
  milliseconds: number;
  /** What is to be seen at a moment, in one short sentence. */
  caption: (moment: number) => string;
}

/** The motion of the step that is shown; null where it has none. */
export const motion = signal<Motion | null>(null);
export const playing = signal(false);

const moving = signal<number | null>(null);
let timer: ReturnType<typeof setInterval> | undefined;
/** The next step that is shown begins to move by itself. */
let beginning = false;

/** How far the step has come, from 0 to the motion's count. */
export const moment = computed<number>(() => {
  const count = motion.value?.count ?? 0;
  return Math.min(count, moving.value ?? state.moment.value ?? count);
});

function still(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Show a moment while a finger or a pointer is still on its way. */
export function scrub(to: number): void {
  halt();
  moving.value = to;
}

/** Stay at a moment: the address says it. */
export function rest(to: number): void {
  halt();
  const count = motion.peek()?.count ?? 0;
  setState({ moment: to >= count ? null : Math.max(0, to) });
  moving.value = null;
}

/** Stop where it is. */
export function pause(): void {
  if (playing.peek()) rest(moment.peek());
}

/** Go on to the end, from the beginning where it is there already. */
export function play(): void {
  const of = motion.peek();
  if (!of) return;
  halt();
  moving.value = moment.peek() >= of.count ? 0 : moment.peek();
  playing.value = true;
  timer = setInterval(() => {
    const next = moment.peek() + 1;
    if (next >= of.count) rest(of.count);
    else moving.value = next;
  }, of.milliseconds);
}

/** Another step comes: finished for those who want nothing to move, else it begins to move. */
export function turn(): void {
  halt();
  moving.value = null;
  beginning = !still();
}

function halt(): void {
  clearInterval(timer);
  playing.value = false;
}

/** A step's motion, while its component is on the page. */
export function useMotion(of: Motion): void {
  useLayoutEffect(() => {
    motion.value = of;
  });
  useEffect(() => {
    if (beginning) play();
    beginning = false;
    return () => {
      halt();
      motion.value = null;
      moving.value = null;
    };
  }, []);
}
