/** What the model would say after each number of its layers. */

import type { JSX } from "preact";
import type { Lens, Token } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { Bar, BarCell, Piece, visible } from "../shared/parts";
import { table } from "./words";

export function Readings({ lens }: { lens: Lens }): JSX.Element {
  const words = wordsOf(table);
  const depth = lens.layers.length - 1;
  const final = lens.layers[depth]?.likeliest[0]?.token as Token;
  return (
    <div class="table-scroll">
      <table class="numbers lens-layers">
        <thead>
          <tr>
            <th scope="col">{words.layers}</th>
            <th scope="col">{words.likeliest}</th>
            <th scope="col">{words.rank(visible(final.piece))}</th>
            <th scope="col">
              {words.probability(visible(final.piece))} <small>0–1</small>
            </th>
          </tr>
        </thead>
        <tbody>
          {lens.layers.map((saying) => (
            <tr key={saying.layers} class={saying.rank === 1 ? "lens-agrees" : undefined}>
              <th scope="row">
                {saying.layers === 0
                  ? words.embedding
                  : saying.layers === depth
                    ? words.all(depth)
                    : saying.layers}
              </th>
              <td class="lens-tokens">
                {saying.likeliest.map(({ token, probability }) => (
                  <span key={token.id} class="lens-token">
                    <Piece token={token} special={words.special} />{" "}
                    <small>{format(probability)}</small>
                  </span>
                ))}
              </td>
              <td class="figure">{saying.rank.toLocaleString()}</td>
              <BarCell bar={<Bar share={saying.probability} />} name="probability">
                {format(saying.probability)}
              </BarCell>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
