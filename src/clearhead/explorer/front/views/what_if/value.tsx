/** A number that an edit sets: a slider for the hand and a field for the exact value. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

export interface Scale {
  least: number;
  most: number;
  /** Equal steps multiply: temperatures. */
  logarithmic: boolean;
}

export const WEIGHT: Scale = { least: 0, most: 1, logarithmic: false };
export const TEMPERATURE: Scale = { least: 0.1, most: 10, logarithmic: true };
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
  const moving = useSignal(value);
  useEffect(() => void (moving.value = value), [value]);
  const take = (number: number) => {
    if (acceptable(number, scale)) settle(number);
    else moving.value = value;
  };
  return (
    <div class="value">
      <label for={id}>{label}</label>
      <input
        type="range"
        aria-label={label}
        min={0}
        max={STEPS}
        value={STEPS * share(moving.value, scale)}
        aria-valuetext={String(moving.value)}
        onInput={(event) => (moving.value = rounded(valueAt(event.currentTarget.valueAsNumber / STEPS, scale)))}
        onChange={() => take(moving.value)}
      />
      <input
        id={id}
        type="number"
        min={scale.logarithmic ? undefined : scale.least}
        max={scale.logarithmic ? undefined : scale.most}
        step="any"
        value={moving.value}
        onChange={(event) => take(event.currentTarget.valueAsNumber)}
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
  const at = logarithmic ? Math.log(value / least) / Math.log(most / least) : (value - least) / (most - least);
  return Math.min(1, Math.max(0, at));
}

function valueAt(place: number, { least, most, logarithmic }: Scale): number {
  return logarithmic ? least * (most / least) ** place : least + place * (most - least);
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
