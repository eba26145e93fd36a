/** Back through the head that all views hold fixed: dP and dS, all queries and then one. */

import type { JSX } from "preact";
import type { Attention, Window } from "../../core/protocol";
import { isPart, keyTokens, queryTokens, setState } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { INKS, scoreMax } from "../../draw/colours";
import { Matrix } from "../../draw/matrix/matrix";
import { rangeAround, type Window2 } from "../../draw/matrix/window";
import { LEGEND_HEIGHT, LEGEND_WIDTH, legendItems } from "../../draw/scene/items";
import { SceneView } from "../../draw/scene/legends";
import { shownTheme } from "../../draw/theme";
import { Section, visible } from "../shared/parts";
import { Numbers } from "./numbers";
import { Row } from "./row";
import { table } from "./words";

/** The head that is chosen, as the sections need it. */
export interface Place {
  of: Attention;
  head: number;
  query: number;
  key: number | null;
}

export function headName({ of, head }: Place): string {
  const words = wordsOf(table);
  return words.headName(isPart(of.part) ? words.parts[of.part] : of.part, of.layer, head);
}

export function Head({ place }: { place: Place }): JSX.Element {
  const words = wordsOf(table);
  const { of, head, query, key } = place;
  const rows = rangeAround(query, of.queries);
  const columns = rangeAround(key ?? 0, of.keys);
  const window: Window = [[0, 1], [head, head + 1], rows, columns];
  return (
    <Section title={words.headTitle(headName(place))} id="gradients-head">
      <p class="note">{words.headIntro}</p>
      <Numbers
        name="head"
        needs={{
          masked: [`${of.path}.masked`, window],
          weights: [`${of.path}.d_weights`, window],
          scores: [`${of.path}.d_masked`, window],
        }}
      >
        {({ masked, weights, scores }) => {
          const shown = weights.window;
          const [top, left] = [shown[2]![0], shown[3]![0]];
          const width = shown[3]![1] - left;
          const isMasked = (row: number, column: number): boolean =>
            masked.data[(row - top) * width + column - left] === -Infinity;
          const more = {
            place,
            isMasked,
            window: { rows: shown[2], columns: shown[3] } as Window2,
          };
          return (
            <div class="gradients-matrices">
              <Gradient title={words.dWeights} name="d_weights" values={weights.data} {...more} />
              <Gradient title={words.dScores} name="d_masked" values={scores.data} {...more} />
            </div>
          );
        }}
      </Numbers>
      <Row place={place} />
    </Section>
  );
}

interface GradientProps {
  title: string;
  name: string;
  place: Place;
  values: ArrayLike<number | bigint>;
  window: Window2;
  isMasked: (row: number, column: number) => boolean;
}

/** A matrix of small numbers: the cells show them times a power of ten, which its scale says. */
function Gradient({ title, name, place, values, window, isMasked }: GradientProps): JSX.Element {
  const words = wordsOf(table);
  const { of, query, key } = place;
  const [queries, keys] = [queryTokens(of.part), keyTokens(of.part)];
  const numbers = Array.from(values, Number);
  const most = scoreMax(numbers);
  const power = most > 0 ? Math.floor(Math.log10(most)) : 0;
  // What would be drawn as −0.00 is drawn as 0.00.
  const scaled = numbers.map((number) => {
    const times = number / 10 ** power;
    return Math.abs(times) < 0.005 ? 0 : times;
  });
  const [top, left] = [window.rows[0], window.columns[0]];
  const nameOf = (row: number, column: number): string =>
    words.cell(visible(queries[row]?.piece ?? ""), visible(keys[column]?.piece ?? ""));
  const at = (row: number, column: number): number =>
    numbers[(row - top) * (window.columns[1] - left) + column - left] ?? 0;
  return (
    <div class="gradients-matrix" data-matrix={name}>
      <h3>{title}</h3>
      <Matrix
        label={title}
        kind="score"
        rows={queries.map(({ piece }) => piece)}
        columns={keys.map(({ piece }) => piece)}
        values={scaled}
        window={window}
        max={most / 10 ** power}
        masked={isMasked}
        selected={{ row: query, column: key }}
        onCell={(row, column) => setState({ query: row, key: column })}
        describe={(row, column, _value, masked) =>
          `${nameOf(row, column)}: ${masked ? words.cellMasked : at(row, column).toExponential(2).replaceAll("-", "−")}`
        }
      >
        <Scale max={most / 10 ** power} power={power} />
      </Matrix>
    </div>
  );
}

function Scale({ max, power }: { max: number; power: number }): JSX.Element {
  const words = wordsOf(table);
  const theme = shownTheme.value;
  const title = words.times(`10${superscript(power)}`);
  const marks = { title, masked: words.masked };
  const items = legendItems("score", max, { x: 1, y: 1 }, marks, theme, INKS[theme]);
  const scene = { title, width: LEGEND_WIDTH, height: LEGEND_HEIGHT, items };
  return <SceneView class="legend" scene={scene} />;
}

function superscript(power: number): string {
  return String(power).replace(/[-\d]/g, (digit) =>
    digit === "-" ? "⁻" : ("⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)] ?? ""),
  );
}
