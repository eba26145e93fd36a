/** Numbers of one query's keys as bars below one another, each with its number. */

import type { JSX } from "preact";
import { scoreColour, weightColour } from "../../../draw/colours";
import { shownTheme } from "../../../draw/theme";
import { Roving } from "../parts/roving";

export interface Row {
  label: string;
  /** Minus infinity is a masked score. */
  value: number;
  number: JSX.Element;
  chosen: boolean;
  /** Choose it. */
  pick?: () => void;
  /** It has not been computed yet at this moment, or is computed just now. */
  when: "before" | "now" | "done";
}

interface BarsProps {
  label: string;
  rows: Row[];
  kind: "score" | "weight";
  /** The end of the scale. */
  max: number;
  /** What stands below the bars. */
  children?: JSX.Element | null | undefined;
}

export function Bars({ label, rows, kind, max, children }: BarsProps): JSX.Element {
  const signed = rows.some(({ value }) => value < 0 && value > -Infinity);
  return (
    <Roving label={label} class="flow-bars">
      <ul>
        {rows.map((row, place) => (
          <li key={place} data-when={row.when} class={row.chosen ? "chosen" : undefined}>
            <Name row={row} />
            <span class="flow-track" aria-hidden="true" data-signed={signed || undefined}>
              <Fill row={row} kind={kind} max={max} signed={signed} />
            </span>
            <span class="flow-number">{row.when === "before" ? "·" : row.number}</span>
          </li>
        ))}
      </ul>
      {children}
    </Roving>
  );
}

/** What a bar is of: a key that can be chosen, or only a name. */
function Name({ row: { label, chosen, pick } }: { row: Row }): JSX.Element {
  if (!pick)
    return (
      <span class="flow-name" title={label}>
        {label}
      </span>
    );
  return (
    <button type="button" class="flow-name" title={label} aria-pressed={chosen} onClick={pick}>
      {label}
    </button>
  );
}

function Fill({
  row,
  kind,
  max,
  signed,
}: {
  row: Row;
  kind: "score" | "weight";
  max: number;
  signed: boolean;
}): JSX.Element {
  if (row.value === -Infinity) return <span class="flow-masked" />;
  const share = row.when === "before" || max <= 0 ? 0 : Math.min(1, Math.abs(row.value) / max);
  const width = (signed ? 50 : 100) * share;
  const left = !signed ? 0 : row.value < 0 ? 50 - width : 50;
  const theme = shownTheme.value;
  const background =
    kind === "weight" ? weightColour(row.value, theme) : scoreColour(row.value, max, theme);
  return <span class="flow-fill" style={{ left: `${left}%`, width: `${width}%`, background }} />;
}

/** All shares end to end: what a sum of them is made of. */
export function Stack({
  label,
  shares,
  number,
}: {
  label: string;
  shares: number[];
  number: JSX.Element;
}): JSX.Element {
  const sum = shares.reduce((total, share) => total + share, 0);
  return (
    <p class="flow-stack">
      <span class="flow-name">{label}</span>
      <span class="flow-track" aria-hidden="true">
        {shares.map((share, place) => (
          <span
            key={place}
            class="flow-piece"
            style={{
              width: `${sum > 0 ? (100 * share) / sum : 0}%`,
              background: weightColour(sum > 0 ? share / sum : 0, shownTheme.value),
            }}
          />
        ))}
      </span>
      <span class="flow-number">{number}</span>
    </p>
  );
}
