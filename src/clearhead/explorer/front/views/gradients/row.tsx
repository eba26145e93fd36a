/** One row of the softmax on the way back, number by number. */

import type { JSX } from "preact";
import type { Derivation, IndexEntry, Operand } from "../../core/protocol";
import { keyTokens, queryTokens } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { scoreMax } from "../../draw/colours";
import { Num } from "../../where_from/number";
import { page } from "../shared/pager";
import { BarCell, Diverging, Piece, visible } from "../shared/parts";
import type { Place } from "./head";
import { Numbers } from "./numbers";
import { table } from "./words";

export function Row({ place }: { place: Place }): JSX.Element {
  const words = wordsOf(table);
  const { of, head, query, key } = place;
  const shown = page(key ?? 0, of.keys);
  const window: [number, number][] = [
    [0, 1],
    [head, head + 1],
    [query, query + 1],
    [0, of.keys],
  ];
  const name = visible(queryTokens(of.part)[query]?.piece ?? "");
  return (
    <div class="gradients-row">
      <h3>{words.rowTitle(name)}</h3>
      <p class="note">{words.rowIntro}</p>
      <Numbers
        name="row"
        needs={{
          weights: [`${of.path}.weights`, window],
          dWeights: [`${of.path}.d_weights`, window],
          dScores: [`${of.path}.d_masked`, window],
        }}
      >
        {(arrays) => (
          <RowTable
            place={place}
            start={shown.start}
            stop={shown.stop}
            weights={Array.from(arrays.weights.data, Number)}
            dWeights={Array.from(arrays.dWeights.data, Number)}
            dScores={Array.from(arrays.dScores.data, Number)}
          />
        )}
      </Numbers>
    </div>
  );
}

interface RowTableProps {
  place: Place;
  start: number;
  stop: number;
  weights: number[];
  dWeights: number[];
  dScores: number[];
}

function RowTable(props: RowTableProps): JSX.Element {
  const { place, start, stop, weights, dWeights, dScores } = props;
  const words = wordsOf(table);
  const { of, head, query } = place;
  const keys = keyTokens(of.part);
  const most = scoreMax(dScores);
  const products = weights.map((weight, key) => weight * (dWeights[key] ?? 0));
  const mean = products.reduce((sum, product) => sum + product, 0);
  const index = (key: number): number[] => [0, head, query, key];
  const places = Array.from({ length: stop - start }, (_, at) => start + at);
  return (
    <div class="table-scroll">
      <table class="numbers many-bars gradients-jacobian">
        <thead>
          <tr>
            <th scope="col">{words.key}</th>
            <th scope="col" class="figure">
              {words.weight}
            </th>
            <th scope="col" class="figure">
              dP
            </th>
            <th scope="col" class="figure">
              {words.product}
            </th>
            <th scope="col">dS</th>
          </tr>
        </thead>
        <tbody>
          {places.map((key) => (
            <tr key={key} class={key === place.key ? "chosen" : undefined}>
              <th scope="row">
                <Piece token={keys[key]!} special={words.special} />
              </th>
              <td class="figure">
                <Num
                  path={`${of.path}.weights`}
                  index={index(key)}
                  value={weights[key] ?? 0}
                  label={`${keys[key]?.piece}: P`}
                />
              </td>
              <td class="figure">
                <Num
                  path={`${of.path}.d_weights`}
                  index={index(key)}
                  value={dWeights[key] ?? 0}
                  label={`${keys[key]?.piece}: dP`}
                />
              </td>
              <td class="figure">
                <Num
                  path={`${of.path}.d_masked.product`}
                  index={index(key)}
                  value={products[key] ?? 0}
                  derivation={productOf(place, key)}
                  label={`${keys[key]?.piece}: P · dP`}
                />
              </td>
              <BarCell bar={<Diverging value={dScores[key] ?? 0} most={most} />} name="d_masked">
                <Num
                  path={`${of.path}.d_masked`}
                  index={index(key)}
                  value={dScores[key] ?? 0}
                  label={`${keys[key]?.piece}: dS`}
                />
              </BarCell>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={3}>
              {words.rowMean}
            </th>
            <td class="figure">
              <Num
                path={`${of.path}.d_masked.mean`}
                index={[0, head, query]}
                value={mean}
                derivation={meanOf(place)}
              />
            </td>
            <td />
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function operands({ of, head, query }: Place, key: IndexEntry): Operand[] {
  const index = [0, head, query, key];
  return [
    { symbol: "w", label: { key: "routingWeights" }, path: `${of.path}.weights`, index },
    { symbol: "d", label: { key: "gradientRow" }, path: `${of.path}.d_weights`, index },
  ];
}

function productOf(place: Place, key: number): Derivation {
  const [w, d] = operands(place, key);
  return {
    expression: "w * d",
    operands: [
      { ...w!, label: { key: "routingWeight" } },
      { ...d!, label: { key: "gradientAfter" } },
    ],
  };
}

function meanOf(place: Place): Derivation {
  return { expression: "w @ d", operands: operands(place, ":") };
}
