/** The grid of effects: modules by heads or positions; of edges, queries by keys of one module. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Sweep } from "../../core/protocol";
import { format, signed } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { scoreMax } from "../../draw/colours";
import { Matrix } from "../../draw/matrix/matrix";
import { isWhole, type Range, rangeFrom, type Window2 } from "../../draw/matrix/window";
import { LEGEND_HEIGHT, LEGEND_WIDTH, legendItems, scaleMark } from "../../draw/scene/items";
import { SceneView } from "../../draw/scene/legends";
import type { Scene } from "../../draw/scene/scene";
import { inks, shownTheme } from "../../draw/theme";
import { Pick, Section, visible } from "../shared/parts";
import { type Effect, effectOf, type Grid, gridOf, labelsOf, modulesOf } from "./data";
import { table } from "./words";

/** The module whose edges are shown, and the part of a grid that is too large for the page. */
const module = signal(0);
const corner = signal<[row: number, column: number]>([0, 0]);

export function Effects({ sweep }: { sweep: Sweep }): JSX.Element {
  const words = wordsOf(table);
  const modules = modulesOf(sweep);
  const grid = gridOf(sweep, module.value);
  const max = scoreMax(sweep.values.map((value) => value ?? 0));
  return (
    <Section title={words.grid} id="sweep-grid">
      {modules.length > 0 && (
        <Pick
          label={words.inModule}
          value={module.value}
          options={modules.map((label, value) => ({ value, label }))}
          choose={(value) => {
            module.value = Number(value);
          }}
        />
      )}
      <p class="note">{words.scale(scaleMark(max))}</p>
      <SceneView class="legend" scene={legend(max, sweep.values.includes(null))} />
      <Cells sweep={sweep} grid={grid} max={max} />
    </Section>
  );
}

function legend(max: number, hasGaps: boolean): Scene {
  const words = wordsOf(table);
  const marks = { title: words.effect, masked: hasGaps ? words.none : "" };
  return {
    title: words.scale(scaleMark(max)),
    width: LEGEND_WIDTH,
    height: LEGEND_HEIGHT,
    items: legendItems("score", max, { x: 1, y: 1 }, marks, shownTheme.value, inks()),
  };
}

function Cells({ sweep, grid, max }: { sweep: Sweep; grid: Grid; max: number }): JSX.Element {
  const words = wordsOf(table);
  const [rows, columns] = [grid.rows.length, grid.columns.length];
  const [top, left] = corner.value;
  const window: Window2 = { rows: rangeFrom(top, rows), columns: rangeFrom(left, columns) };
  const values: number[] = [];
  for (let row = window.rows[0]; row < window.rows[1]; row++)
    for (let column = window.columns[0]; column < window.columns[1]; column++)
      values.push(grid.values[row * columns + column] ?? Number.NaN);
  const whole = isWhole(window, rows, columns);
  const move = (next: Window2): void => {
    corner.value = [next.rows[0], next.columns[0]];
  };
  const of = (row: number, column: number): number[] => {
    const place = grid.columnAxis === null ? [row] : [row, column];
    return sweep.axes.length > 2 ? [module.value, ...place] : place;
  };
  return (
    <Matrix
      label={words.titles[sweep.over]}
      kind="score"
      rows={grid.rows.map(visible)}
      columns={grid.columnAxis === null ? [words.effect] : grid.columns.map(visible)}
      rowTitle={words.axes[grid.rowAxis]}
      columnTitle={grid.columnAxis === null ? words.effect : words.axes[grid.columnAxis]}
      values={values}
      max={max}
      window={window}
      onWindow={whole ? undefined : move}
      describe={(row, column, value) => sentence(sweep, effectOf(sweep, of(row, column), value))}
    >
      {!whole && (
        <>
          <p class="soft">{words.shown(rangeText(window.rows), rangeText(window.columns))}</p>
          <div class="sweep-window">
            <Slider
              label={words.rows}
              at={window.rows}
              of={rows}
              go={(row) => {
                corner.value = [row, window.columns[0]];
              }}
            />
            <Slider
              label={words.columns}
              at={window.columns}
              of={columns}
              go={(column) => {
                corner.value = [window.rows[0], column];
              }}
            />
          </div>
        </>
      )}
    </Matrix>
  );
}

function rangeText([start, stop]: Range): string {
  return `${start}–${stop - 1}`;
}

interface SliderProps {
  label: string;
  at: Range;
  of: number;
  go: (first: number) => void;
}

function Slider({ label, at: [start, stop], of, go }: SliderProps): JSX.Element | null {
  if (stop - start >= of) return null;
  return (
    <label>
      {label}
      <input
        type="range"
        min={0}
        max={of - (stop - start)}
        value={start}
        onInput={(event) => go(event.currentTarget.valueAsNumber)}
      />
      <span class="number">{start}</span>
    </label>
  );
}

/** "h.1.attn, head 3". */
export function placeText(sweep: Sweep, index: readonly number[]): string {
  const words = wordsOf(table);
  return sweep.axes
    .map(({ name, entries }, axis) => {
      const entry = entries[index[axis] ?? 0] ?? "";
      if (name === "module") return entry;
      const [label = entry] = labelsOf(sweep, name, [entry]);
      return `${words.one[name]} ${visible(label)}`;
    })
    .join(", ");
}

function sentence(sweep: Sweep, effect: Effect): string {
  const words = wordsOf(table);
  const place = placeText(sweep, effect.index);
  if (Number.isNaN(effect.value)) return words.nothing(place);
  const [value, metric] = [signed(effect.value), format(effect.metric)];
  return effect.share === null
    ? words.cell(place, value, metric)
    : words.cellShare(place, value, metric, shareText(effect.share));
}

export function shareText(share: number): string {
  return `${format(100 * share, 3)}\u00a0%`;
}
