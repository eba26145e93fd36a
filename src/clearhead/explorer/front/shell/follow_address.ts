/** The browser's address and its history follow the state, and the state them. */

import { batch, effect } from "@preact/signals";
import { fromHash, isEqual, toHash } from "../core/state/address";
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

function isSameState(one: State, other: State): boolean {
  return (Object.keys(one) as (keyof State)[]).every((name) => isEqual(one[name], other[name]));
}

function isStep(one: State, other: State): boolean {
  return STEPS.some((name) => !isEqual(one[name], other[name]));
}

/** Let the address and the state follow each other. Returns what ends it. */
export function followAddress(): () => void {
  let lastState = fromHash(location.hash);
  setState(lastState);
  // What the address says wrongly does not stay in it.
  if (
    !isSameState(fromHash(toHash(lastState)), lastState) ||
    namesUnknown(location.hash, lastState)
  )
    history.replaceState(null, "", location.pathname + location.search + toHash(lastState));
  const endPanel = followPanel();
  let writing = false;
  const write = (how: (address: string) => void): void => {
    lastState = snapshot();
    how(location.pathname + location.search + toHash(lastState));
  };
  const restore = (keep = false): boolean => {
    const target = fromHash(location.hash);
    if (isSameState(target, snapshot())) return false;
    if (keep && !isStep(target, snapshot())) {
      write(writeOver);
      return false;
    }
    lastState = target;
    batch(() => {
      setState(target);
      fit();
    });
    return true;
  };
  const readAddress = (): void => void restore();
  const travel = (event: PopStateEvent): void => travelTo(event.state, restore);
  const end = effect(() => {
    for (const name of Object.keys(state) as (keyof State)[]) void state[name].value;
    if (writing) return;
    writing = true;
    // Once per turn: a click that changes several things in a row is one step back.
    queueMicrotask(() => {
      writing = false;
      const current = snapshot();
      if (isSameState(current, lastState)) return;
      write(!amended() && isStep(current, lastState) ? writeStep : writeOver);
    });
  });
  addEventListener("popstate", travel);
  addEventListener("hashchange", readAddress);
  return () => {
    end();
    endPanel();
    removeEventListener("popstate", travel);
    removeEventListener("hashchange", readAddress);
  };
}
