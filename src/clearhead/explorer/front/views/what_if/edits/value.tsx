/** A number that an edit sets: a slider for the hand and a field for the exact value. */

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

export interface Scale {
  least: number;
  most: number;
  /** Equal steps multiply: temperatures. */
  logarithmic: boolean;
}

export const WEIGHT: Scale = { least: 0, most: 1, logarithmic: false };
export const TEMPERATURE: Scale = { least: 0.1, most: 10, logarithmic: true };
/** In the length of the stream's vectors. */
export const PUSH: Scale = { least: -100, most: 100, logarithmic: false };
const STEPS = 200;

interface ValueProps {
  id: string;
  label: string;
  value: number;
  scale: Scale;
  /** Called when a value is settled: the slider let go, the field left. */
  settle: (value: number) => void;
}

export function Value({ id, label, value, scale, settle }: ValueProps): JSX.Element {
  const slider = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLInputElement>(null);
  // The two inputs keep what is typed and dragged themselves: set from here at every step, the
  // slider would jump back to the settled value between its events.
  const say = (number: number) => {
    slider.current?.setAttribute("aria-valuetext", String(number));
    if (field.current) field.current.value = String(number);
  };
  const show = (number: number) => {
    if (slider.current) slider.current.value = String(STEPS * share(number, scale));
    say(number);
  };
  useLayoutEffect(() => show(value), [value, scale]);
  const take = (number: number) => {
    const nearest = acceptable(number, scale) ? number : value;
    show(nearest);
    if (nearest !== value) settle(nearest);
  };
  const slid = () => rounded(valueAt((slider.current?.valueAsNumber ?? 0) / STEPS, scale));
  const settling = useRef({ slider: () => {}, field: () => {} });
  settling.current = {
    slider: () => take(slid()),
    field: () => take(field.current?.valueAsNumber ?? NaN),
  };
  // The browser's own "change", which comes when a value is settled: Preact's onChange may be given
  // at every key.
  useEffect(() => {
    const [slides, types] = [() => settling.current.slider(), () => settling.current.field()];
    slider.current?.addEventListener("change", slides);
    field.current?.addEventListener("change", types);
  }, []);
  return (
    <div class="value">
      <label for={id}>{label}</label>
      <input
        ref={slider}
        type="range"
        aria-label={label}
        min={0}
        max={STEPS}
        onInput={() => say(slid())}
      />
      <input
        ref={field}
        id={id}
        type="number"
        min={scale.logarithmic ? undefined : scale.least}
        max={scale.logarithmic ? undefined : scale.most}
        step="any"
      />
    </div>
  );
}

/** A weight is within 0 and 1; a temperature is any positive number, the slider's range or not. */
function acceptable(value: number, { least, most, logarithmic }: Scale): boolean {
  if (!Number.isFinite(value)) return false;
  return logarithmic ? value > 0 : value >= least && value <= most;
}

function share(value: number, { least, most, logarithmic }: Scale): number {
  const at = logarithmic
    ? Math.log(value / least) / Math.log(most / least)
    : (value - least) / (most - least);
  return Math.min(1, Math.max(0, at));
}

function valueAt(place: number, { least, most, logarithmic }: Scale): number {
  return logarithmic ? least * (most / least) ** place : least + place * (most - least);
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
