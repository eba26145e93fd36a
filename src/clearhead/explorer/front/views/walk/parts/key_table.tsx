/** Tables with a row for each key, and digits that stand below one another. */

import type { ComponentChildren, JSX } from "preact";
import { setState } from "../../../core/state/state";
import { format } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { scoreColour, weightColour } from "../../../draw/colours";
import { shownTheme } from "../../../draw/theme";
import { type Plan, quoted } from "../plan";
import { table } from "../words";
import { Roving } from "./roving";
import { indices, rangeOf } from "./windows";

export interface Column {
  title: ComponentChildren;
  cell: (key: number) => ComponentChildren;
  /** Of the last row. */
  total?: ComponentChildren;
}

interface KeyTableProps {
  plan: Plan;
  label: string;
  columns: Column[];
  /** A name for the last row, where columns have totals. */
  total?: string;
}

export function KeyTable({ plan, label, columns, total }: KeyTableProps): JSX.Element {
  const words = wordsOf(table);
  return (
    <Roving label={label} class="walk-table">
      <table aria-label={label}>
        <thead>
          <tr>
            <th scope="col">{words.key}</th>
            {columns.map((column, place) =>
              column.title ? (
                <th key={place} scope="col" class="number">
                  {column.title}
                </th>
              ) : (
                <td key={place} />
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {indices(rangeOf(plan, "key")).map((key) => (
            <tr key={key} class={key === plan.key ? "chosen" : undefined}>
              <th scope="row">
                <KeyButton plan={plan} at={key} />
              </th>
              {columns.map((column, place) => (
                <td key={place} class="number">
                  {column.cell(key)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
        {total !== undefined && (
          <tfoot>
            <tr>
              <th scope="row">{total}</th>
              {columns.map((column, place) => (
                <td key={place} class="number">
                  {column.total}
                </td>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </Roving>
  );
}

/** A key's token, by which the key is chosen. */
export function KeyButton({ plan, at }: { plan: Plan; at: number }): JSX.Element {
  const token = plan.keys[at];
  return (
    <button
      type="button"
      class={token?.special ? "walk-key special" : "walk-key"}
      aria-pressed={at === plan.key}
      aria-label={`${wordsOf(table).key} ${at} ${quoted(token)}`}
      title={token?.piece}
      onClick={() => setState({ key: at })}
    >
      <span class="walk-place">{at}</span>
      {token?.piece}
    </button>
  );
}

/** Significant digits that give so many decimals; small numbers keep two digits. */
export function fixed(value: number, decimals: number): number {
  if (!Number.isFinite(value) || Math.abs(value) < 1e-3) return 2;
  // Of the rounded number: 0.0999 in two decimals is 0.10, a digit more than 0.09.
  const rounded = Math.abs(Number(value.toFixed(decimals)));
  return Math.max(1, Math.floor(Math.log10(rounded || 1e-3)) + 1 + decimals);
}

/** A number in a sentence. */
export function said(value: number): string {
  return format(value, fixed(value, 2));
}

export function ScoreSwatch({ value, max }: { value: number; max: number }): JSX.Element {
  if (value === -Infinity) return <span class="walk-swatch masked" aria-hidden="true" />;
  const background = scoreColour(value, max, shownTheme.value);
  return <span class="walk-swatch" aria-hidden="true" style={{ background }} />;
}

/** A weight as a length and a colour, both from 0 to 1. */
export function WeightBar({ value }: { value: number }): JSX.Element {
  const background = weightColour(value, shownTheme.value);
  return (
    <span class="walk-bar" aria-hidden="true">
      <span style={{ width: `${100 * value}%`, background }} />
    </span>
  );
}
