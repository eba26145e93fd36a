/** The address holds the state: what is not as by default stands after the #, in plain words, so
 * that a view can be bookmarked and shared. */

import { preferredLanguage } from "../text/i18n";
import { DEFAULTS, type State, snapshot } from "./state";

const CHOICES: Partial<Record<keyof State, string[]>> = {
  view: ["walk", "heads", "words", "lens", "gradients", "what_if", "compare"],
  formality: ["auto", "tu", "vous"],
  rows: ["input", "output"],
  heads: ["one", "mean"],
  sort: ["weight", "contribution", "effect", "position"],
  language: ["en", "pt"],
  theme: ["light", "dark", "system"],
  panels: ["one", "all"],
  screen: ["desk", "projector"],
};
const POSSIBLY_NONE: (keyof State)[] = ["target", "checkpoint", "key", "position", "moment"];

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
      name === "language"
        ? pairs.size === 0 && value === usual.language
        : isEqual(value, usual[name])
    )
      continue;
    pairs.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return pairs.size ? `#${pairs}` : "";
}

/** What a hash says; what it says wrongly is left as by default. */
export function fromHash(hash: string): State {
  const result: State = defaults();
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(result, name)) continue;
    const key = name as keyof State;
    const value = parse(key, text, result[key]);
    if (value !== undefined) Object.assign(result, { [key]: value });
  }
  return result;
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

/** Whether two values of the state are equal. */
export function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
