/** What the edits do to a model that predicts no words: how far each of its vectors moved. */

import type { JSX } from "preact";
import type { Run } from "../../../core/protocol";
import { setState, state } from "../../../core/state/state";
import { format } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { Pager, page } from "../../shared/pager";
import { Bar, BarCell, Piece } from "../../shared/parts";
import { table } from "../words";

export function OutputChange({ answer, change }: { answer: Run; change: number[] }): JSX.Element {
  const words = wordsOf(table);
  const most = Math.max(...change);
  const window = page(state.position.value ?? 0, change.length);
  return (
    <>
      <p class="note">{words.outputNote}</p>
      <Pager window={window} name={words.outputTitle} move={(position) => setState({ position })} />
      <div class="table-scroll">
        <table class="numbers output-change">
          <thead>
            <tr>
              <th scope="col">{words.token}</th>
              <th scope="col">
                {words.change} <small>0–{format(most, 3)}</small>
              </th>
            </tr>
          </thead>
          <tbody>
            {answer.source.slice(window.start, window.stop).map((token, offset) => {
              const place = window.start + offset;
              const value = change[place] ?? 0;
              return (
                <tr key={place}>
                  <th scope="row">
                    <small>{place}</small> <Piece token={token} special={words.special} />
                  </th>
                  <BarCell bar={<Bar share={most ? value / most : 0} />} name="change">
                    {format(value)}
                  </BarCell>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}
