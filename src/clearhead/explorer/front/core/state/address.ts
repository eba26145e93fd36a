/** The address holds the state: what is not as by default stands after the #, in plain words, so
 * that a view can be bookmarked and shared. */

import { batch, effect } from "@preact/signals";
import { preferredLanguage } from "../text/i18n";
import { fit } from "./running";
import { amended, DEFAULTS, setState, snapshot, state, type State } from "./state";
import { followPanel, travelTo, writeOver, writeStep } from "../../where_from/history";

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
const CHOICES: Partial<Record<keyof State, string[]>> = {
  view: ["walk", "heads", "words", "what_if", "compare"],
  rows: ["input", "output"],
  heads: ["one", "mean"],
  sort: ["weight", "contribution", "effect", "position"],
  language: ["en", "pt"],
  theme: ["light", "dark", "system"],
};
const POSSIBLY_NONE: (keyof State)[] = ["target", "key", "position"];

function defaults(): State {
  return { ...DEFAULTS, language: preferredLanguage() };
}

export function toHash(current: State = snapshot()): string {
  const usual = defaults();
  const pairs = new URLSearchParams();
  for (const name of Object.keys(usual) as (keyof State)[]) {
    const value = current[name];
    // The language travels with every address that says anything, for readers of the other one.
    if (
      name === "language" ? pairs.size === 0 && value === usual.language : same(value, usual[name])
    )
      continue;
    pairs.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return pairs.size ? `#${pairs}` : "";
}

/** What a hash says; what it says wrongly is left as by default. */
export function fromHash(hash: string): State {
  const read: State = defaults();
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(read, name)) continue;
    const key = name as keyof State;
    const value = parse(key, text, read[key]);
    if (value !== undefined) Object.assign(read, { [key]: value });
  }
  return read;
}

function parse(name: keyof State, text: string, usual: unknown): unknown {
  const choices = CHOICES[name];
  if (choices) return choices.includes(text) ? text : undefined;
  if (typeof usual === "string" || name === "target") return text;
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return POSSIBLY_NONE.includes(name) ? null : undefined;
    if (name === "edits") return Array.isArray(value) ? value : undefined;
    return Number.isInteger(value) && (value as number) >= 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an address has names that are no part of the state, or values that were not taken. */
function namesUnknown(hash: string, read: State): boolean {
  return [...new URLSearchParams(hash.replace(/^#/, ""))].some(([name, text]) => {
    if (!Object.hasOwn(read, name)) return true;
    const value = read[name as keyof State];
    return (typeof value === "string" ? value : JSON.stringify(value)) !== text;
  });
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
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
