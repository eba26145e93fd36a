/** Numbers of the trace and of the weights, a window at a time. Questions of one turn of the event
 * loop travel together; what came stays while its run is shown. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ArrayItem, Run, RunParams, Window } from "../protocol";
import type { NumberArray } from "../sources/source";
import { backwardOf, model, run, source } from "./state";

export interface Windowed extends NumberArray {
  path: string;
  /** What was asked for, and the shape of the whole array. */
  window: Window;
  whole: number[];
}

type Entry = { promise: Promise<Windowed>; value: Signal<Windowed | Error | null> };
interface PendingItem extends ArrayItem {
  /** Of a gradient, the position whose loss it is of: items of one question have the same. */
  lossPosition: number | null;
  resolve: (array: Windowed) => void;
  reject: (error: Error) => void;
}

const caches = new WeakMap<Run, Map<string, Entry>>();
const queues = new Map<Run, PendingItem[]>();
const waitingFor = signal(0);

/** Whether numbers are on their way. Until they come views may still show those before. */
export const areArraysPending = computed(() => waitingFor.value > 0);

/** A window of a step, or of "weights/NAME". `window` null is the whole array. */
export function askArray(
  path: string,
  window: Window | null = null,
  of: Run | null = run.peek(),
): Promise<Windowed> {
  if (!of) return Promise.reject(new Error("Nothing has been translated yet."));
  return entryOf(of, path, window).promise;
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
  return current && path !== null ? entryOf(current, path, window).value : NOTHING;
}

const NOTHING = signal<Windowed | Error | null>(null);

function entryOf(of: Run, path: string, window: Window | null): Entry {
  let cache = caches.get(of);
  if (!cache) {
    cache = new Map();
    caches.set(of, cache);
  }
  const lossPosition = backwardOf(of, path)?.position ?? null;
  const key = JSON.stringify([path, window, lossPosition]);
  let entry = cache.get(key);
  if (!entry) {
    const value = signal<Windowed | Error | null>(null);
    const promise = enqueue(of, { path, window }, lossPosition);
    waitingFor.value = waitingFor.peek() + 1;
    promise
      .then(
        (array) => (value.value = array),
        (error: Error) => {
          value.value = error;
          cache.delete(key); // so that another look asks again
        },
      )
      .finally(() => (waitingFor.value = waitingFor.peek() - 1));
    entry = { promise, value };
    cache.set(key, entry);
  }
  return entry;
}

function enqueue(of: Run, item: ArrayItem, lossPosition: number | null): Promise<Windowed> {
  return new Promise((resolve, reject) => {
    let queue = queues.get(of);
    if (!queue) {
      queue = [];
      queues.set(of, queue);
      queueMicrotask(() => void flush(of));
    }
    queue.push({ ...item, lossPosition, resolve, reject });
  });
}

async function flush(of: Run): Promise<void> {
  const items = queues.get(of) ?? [];
  queues.delete(of);
  await Promise.all(groups(of, items).map((group) => send(of.request, group)));
}

/** The most items that one question may have. */
const ITEMS = 64;

/** As many items to a question as its limits allow. */
function groups(of: Run, items: PendingItem[]): PendingItem[][] {
  const limit = model.peek()?.limits.numbers ?? 100_000;
  const all: PendingItem[][] = [];
  let total = Infinity;
  for (const item of items) {
    const shape =
      item.window?.map(([start, stop]) => stop - start) ??
      of.steps.find((step) => step.path === item.path)?.shape;
    const size = shape?.reduce((product, axis) => product * axis, 1) ?? limit;
    const last = all[all.length - 1];
    const fits = total + size <= limit && last && last.length < ITEMS;
    if (!fits || last[0]?.lossPosition !== item.lossPosition) {
      all.push([]);
      total = 0;
    }
    all[all.length - 1]?.push(item);
    total += size;
  }
  return all;
}

async function send(request: RunParams, group: PendingItem[]): Promise<void> {
  try {
    const items = group.map(({ path, window }) => ({ path, window }));
    const loss_position = group[0]?.lossPosition ?? null;
    const params = { run: request, items, ...(loss_position !== null && { loss_position }) };
    const { json, arrays } = await source.peek().ask("array", params);
    group.forEach((item, place) => {
      const array = arrays[String(place)];
      const about = json.items[place];
      if (array && about)
        item.resolve({ ...array, path: about.path, window: about.window, whole: about.shape });
      else item.reject(new Error(`No numbers came for ${item.path}.`));
    });
  } catch (error) {
    for (const item of group) item.reject(error as Error);
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
