/** Numbers of the trace and of the weights, a window at a time. Questions of one turn of the event
 * loop travel together; what came stays while its run is shown. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ArrayItem, Run, RunParams, Window } from "../protocol";
import type { NumberArray } from "../sources/source";
import { model, run, source } from "./state";

export interface Windowed extends NumberArray {
  path: string;
  /** What was asked for, and the shape of the whole array. */
  window: Window;
  whole: number[];
}

type Entry = { promise: Promise<Windowed>; value: Signal<Windowed | Error | null> };
interface Waiting extends ArrayItem {
  done: (array: Windowed) => void;
  failed: (error: Error) => void;
}

const caches = new WeakMap<Run, Map<string, Entry>>();
const waiting = new Map<Run, Waiting[]>();

/** A window of a step, or of "weights/NAME". `window` null is the whole array. */
export function askArray(
  path: string,
  window: Window | null = null,
  of: Run | null = run.peek(),
): Promise<Windowed> {
  if (!of) return Promise.reject(new Error("Nothing has been translated yet."));
  return entry(of, path, window).promise;
}

/** The same in a component: null until it comes. A path of null asks for nothing. */
export function useArray(path: string | null, window: Window | null = null): Windowed | null {
  const value = useArrayState(path, window).value;
  return value instanceof Error ? null : value;
}

/** The same, telling failures apart. */
export function useArrayState(
  path: string | null,
  window: Window | null = null,
): ReadonlySignal<Windowed | Error | null> {
  const current = run.value;
  return current && path !== null ? entry(current, path, window).value : NOTHING;
}

const NOTHING = signal<Windowed | Error | null>(null);

function entry(of: Run, path: string, window: Window | null): Entry {
  let cache = caches.get(of);
  if (!cache) {
    cache = new Map();
    caches.set(of, cache);
  }
  const key = JSON.stringify([path, window]);
  let found = cache.get(key);
  if (!found) {
    const value = signal<Windowed | Error | null>(null);
    const promise = enqueue(of, { path, window });
    promise.then(
      (array) => (value.value = array),
      (error: Error) => {
        value.value = error;
        cache.delete(key); // so that another look asks again
      },
    );
    found = { promise, value };
    cache.set(key, found);
  }
  return found;
}

function enqueue(of: Run, item: ArrayItem): Promise<Windowed> {
  return new Promise((done, failed) => {
    let queue = waiting.get(of);
    if (!queue) {
      queue = [];
      waiting.set(of, queue);
      queueMicrotask(() => void flush(of));
    }
    queue.push({ ...item, done, failed });
  });
}

async function flush(of: Run): Promise<void> {
  const items = waiting.get(of) ?? [];
  waiting.delete(of);
  await Promise.all(groups(of, items).map((group) => send(of.request, group)));
}

/** The most items that one question may have. */
const ITEMS = 64;

/** As many items to a question as its limits allow. */
function groups(of: Run, items: Waiting[]): Waiting[][] {
  const limit = model.peek()?.limits.numbers ?? 100_000;
  const all: Waiting[][] = [];
  let filled = Infinity;
  for (const item of items) {
    const shape =
      item.window?.map(([start, stop]) => stop - start) ??
      of.steps.find((step) => step.path === item.path)?.shape;
    const size = shape?.reduce((product, axis) => product * axis, 1) ?? limit;
    if (filled + size > limit || all[all.length - 1]?.length === ITEMS) {
      all.push([]);
      filled = 0;
    }
    all[all.length - 1]?.push(item);
    filled += size;
  }
  return all;
}

async function send(request: RunParams, group: Waiting[]): Promise<void> {
  try {
    const items = group.map(({ path, window }) => ({ path, window }));
    const { json, arrays } = await source.peek().ask("array", { run: request, items });
    group.forEach((item, place) => {
      const array = arrays[String(place)];
      const about = json.items[place];
      if (array && about)
        item.done({ ...array, path: about.path, window: about.window, whole: about.shape });
      else item.failed(new Error(`No numbers came for ${item.path}.`));
    });
  } catch (error) {
    for (const item of group) item.failed(error as Error);
  }
}

/** The element at `index` (of the window, not of the whole array). */
export function at(array: NumberArray, ...index: number[]): number {
  const offset = array.shape.reduce((sum, size, axis) => sum * size + (index[axis] ?? 0), 0);
  const value = array.data[offset];
  if (value === undefined || index.length !== array.shape.length)
    throw new Error(
      `The array has the shape ${array.shape.join(", ")}; the index ${index.join(", ")} is outside.`,
    );
  return value;
}
