/** Small things that the views of words, of edits and of effects share. */

import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import type { Token } from "../../core/protocol";
import { visible } from "../../core/text/pieces";

export { visible };

/** A token as the model has it: "▁" stands for the space before a word. */
export function Piece({ token, special }: { token: Token; special: string }): JSX.Element {
  return (
    <span
      class={token.special ? "piece piece-special" : "piece"}
      title={token.special ? special : undefined}
    >
      {visible(token.piece)}
    </span>
  );
}

/** Pieces as the text they make; specials are left out. */
export function spoken(pieces: string[]): string {
  return pieces
    .filter((piece) => !/^<(s|\/s|pad)>$/.test(piece))
    .join("")
    .replaceAll("▁", " ")
    .trim();
}

/** A share from 0 to 1. The number stands beside it, so it says nothing to a screen reader. */
export function Bar({ share, colour }: { share: number; colour?: string }): JSX.Element {
  const width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return (
    <span class="bar" aria-hidden="true">
      <span class="bar-fill" style={{ width, ...(colour ? { background: colour } : {}) }} />
    </span>
  );
}

/** A signed number around 0, on a scale from -most to most. */
export function Diverging({ value, most }: { value: number | null; most: number }): JSX.Element {
  const size = value === null ? 1 : most > 0 ? Math.min(1, Math.abs(value) / most) : 0;
  const negative = value === null || value < 0;
  const place = negative ? { right: "50%" } : { left: "50%" };
  return (
    <span class="bar bar-diverging" aria-hidden="true">
      <span
        class={negative ? "bar-fill bar-negative" : "bar-fill bar-positive"}
        style={{ ...place, width: `${50 * size}%` }}
      />
    </span>
  );
}

/** A number with its bar: side by side where there is room, the bar above it where there is not. */
export function BarCell({
  bar,
  children,
  name,
}: {
  bar: JSX.Element;
  children: ComponentChildren;
  name?: string;
}): JSX.Element {
  return (
    <td class="bar-cell" data-cell={name}>
      <div class="bar-and-number">
        {bar}
        <span class="figure">{children}</span>
      </div>
    </td>
  );
}

interface ChoiceProps<T extends string> {
  legend: string;
  name: string;
  options: { value: T; label: string }[];
  selected: T;
  choose: (value: T) => void;
}

/** One of a few, as radio buttons in a row. */
export function Choice<T extends string>({
  legend,
  name,
  options,
  selected,
  choose,
}: ChoiceProps<T>): JSX.Element {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      <div class="segments">
        {options.map(({ value, label }) => (
          <label key={value}>
            <input
              type="radio"
              name={name}
              value={value}
              checked={value === selected}
              onChange={() => choose(value)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface PickProps {
  label: string;
  value: number | string;
  options: { value: number | string; label: string }[];
  choose: (value: string) => void;
}

/** One of many, as a native list. */
export function Pick({ label, value, options, choose }: PickProps): JSX.Element {
  const id = useId();
  return (
    <div class="choice">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map((option) => (
          <option
            key={option.value}
            value={option.value}
            selected={String(option.value) === String(value)}
          >
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A part of a view with its heading. */
export function Section({
  title,
  id,
  children,
  class: more = "",
}: {
  title: string;
  id: string;
  children: ComponentChildren;
  class?: string;
}): JSX.Element {
  return (
    <section class={`study-part ${more}`} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

/** What an arrow key, Home or End makes of a place in a list; null for any other key. */
export function placeAfterKey(key: string, place: number, size: number): number | null {
  const next =
    key === "ArrowDown" || key === "ArrowRight"
      ? place + 1
      : key === "ArrowUp" || key === "ArrowLeft"
        ? place - 1
        : key === "Home"
          ? 0
          : key === "End"
            ? size - 1
            : null;
  return next === null ? null : Math.min(size - 1, Math.max(0, next));
}
