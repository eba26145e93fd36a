/** Numbers of a section: asked for together, and kept on the page while others come. */

import type { JSX, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Window } from "../../core/protocol";
import { useArrayState, type Windowed } from "../../core/state/arrays";
import { messageOf } from "../../core/state/error_message";
import { wordsOf } from "../../core/text/i18n";
import { table } from "./words";

export type Needs = Record<string, [path: string, window: Window]>;
type Arrays<N extends Needs> = { [K in keyof N]: Windowed };

/** What the sections show, for export. */
export const numbersOnPage = new Map<string, Windowed[]>();

interface NumbersProps<N extends Needs> {
  /** Of the section; two that are on the page at once have different names. */
  name: string;
  needs: N;
  children: (arrays: Arrays<N>) => VNode;
}

export function Numbers<N extends Needs>({ name, needs, children }: NumbersProps<N>): JSX.Element {
  const last = useRef<VNode | null>(null);
  const arrays: Partial<Record<string, Windowed>> = {};
  let failure: Error | null = null;
  for (const [key, [path, window]] of Object.entries(needs)) {
    const value = useArrayState(path, window).value;
    if (value instanceof Error) failure = value;
    else if (value) arrays[key] = value;
  }
  const complete = Object.keys(arrays).length === Object.keys(needs).length;
  useEffect(() => {
    if (complete) numbersOnPage.set(name, Object.values(arrays) as Windowed[]);
  });
  useEffect(() => () => void numbersOnPage.delete(name), [name]);
  if (failure) return <p role="alert">{messageOf(failure)}</p>;
  if (complete) last.current = children(arrays as Arrays<N>);
  return last.current ?? <p role="status">{wordsOf(table).asking}</p>;
}

/** The length of a vector. */
export function lengthOf(numbers: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < numbers.length; at += 1) sum += (numbers[at] ?? 0) ** 2;
  return Math.sqrt(sum);
}
