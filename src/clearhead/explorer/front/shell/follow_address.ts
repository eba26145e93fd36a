/** The browser's address and its history follow the state, and the state them. */

import { batch, effect } from "@preact/signals";
import { fromHash, same, toHash } from "../core/state/address";
import { fit } from "../core/state/running";
import { amended, type State, setState, snapshot, state } from "../core/state/state";
import { followPanel, travelTo, writeOver, writeStep } from "../where_from/history";

/** A change of one of these is a step that the browser's back button takes back. */
const STEPS: (keyof State)[] = [
  "text",
  "target",
  "sentence",
  "beam",
  "edits",
  "view",
  "part",
  "layer",
  "head",
  "step",
];

/** Whether an address has names that are no part of the state, or values that were not taken. */
function namesUnknown(hash: string, read: State): boolean {
  return [...new URLSearchParams(hash.replace(/^#/, ""))].some(([name, text]) => {
    if (!Object.hasOwn(read, name)) return true;
    const value = read[name as keyof State];
    return (typeof value === "string" ? value : JSON.stringify(value)) !== text;
  });
}

function alike(one: State, other: State): boolean {
  return (Object.keys(one) as (keyof State)[]).every((name) => same(one[name], other[name]));
}

function stepped(one: State, other: State): boolean {
  return STEPS.some((name) => !same(one[name], other[name]));
}

/** Let the address and the state follow each other. Returns what ends it. */
export function followAddress(): () => void {
  let shown = fromHash(location.hash);
  setState(shown);
  // What the address says wrongly does not stay in it.
  if (!alike(fromHash(toHash(shown)), shown) || namesUnknown(location.hash, shown))
    history.replaceState(null, "", location.pathname + location.search + toHash(shown));
  const endPanel = followPanel();
  let writing = false;
  const write = (how: (address: string) => void): void => {
    shown = snapshot();
    how(location.pathname + location.search + toHash(shown));
  };
  const restore = (keep = false): boolean => {
    const read = fromHash(location.hash);
    if (alike(read, snapshot())) return false;
    if (keep && !stepped(read, snapshot())) {
      write(writeOver);
      return false;
    }
    shown = read;
    batch(() => {
      setState(read);
      fit();
    });
    return true;
  };
  const read = (): void => void restore();
  const travel = (event: PopStateEvent): void => travelTo(event.state, restore);
  const end = effect(() => {
    for (const name of Object.keys(state) as (keyof State)[]) void state[name].value;
    if (writing) return;
    writing = true;
    // Once per turn: a click that changes several things in a row is one step back.
    queueMicrotask(() => {
      writing = false;
      const current = snapshot();
      if (alike(current, shown)) return;
      write(!amended() && stepped(current, shown) ? writeStep : writeOver);
    });
  });
  addEventListener("popstate", travel);
  addEventListener("hashchange", read);
  return () => {
    end();
    endPanel();
    removeEventListener("popstate", travel);
    removeEventListener("hashchange", read);
  };
}
