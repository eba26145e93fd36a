/** The loss of each token that is predicted, and the gradient at its own logit. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Run, Window } from "../../core/protocol";
import { type BackwardSteps, stepAt } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { Num } from "../../where_from/number";
import { type Page, Pager, page } from "../shared/pager";
import { Bar, BarCell, Piece, Section } from "../shared/parts";
import { type Needs, Numbers } from "./numbers";
import { table } from "./words";

export function Loss({ answer, pass }: { answer: Run; pass: BackwardSteps }): JSX.Element {
  const words = wordsOf(table);
  const of = answer.predicted.length;
  const start = useSignal(0);
  const window = page(Math.min(start.value, of - 1), of);
  return (
    <Section title={words.lossTitle} id="gradients-loss">
      <p class="note">{words.lossIntro}</p>
      <Pager window={window} name={words.token} move={(to) => (start.value = to)} />
      <Losses key={`${window.start} ${window.stop}`} answer={answer} pass={pass} window={window} />
    </Section>
  );
}

interface LossesProps {
  answer: Run;
  pass: BackwardSteps;
  window: Page;
}

function Losses({ answer, pass, window }: LossesProps): JSX.Element {
  const words = wordsOf(table);
  const places = Array.from({ length: window.stop - window.start }, (_, at) => window.start + at);
  const shape = stepAt("losses")?.shape ?? [1, 0];
  const needs: Needs = { loss: ["loss", []], losses: ["losses", shape.map((size) => [0, size])] };
  for (const place of places) {
    const id = answer.predicted[place]?.id ?? 0;
    const one: Window = [
      [0, 1],
      [place, place + 1],
      [id, id + 1],
    ];
    needs[`p${place}`] = ["probabilities", one];
    needs[`d${place}`] = ["d_logits", one];
  }
  const single = pass.position !== null;
  return (
    <Numbers name="loss" needs={needs}>
      {(arrays) => {
        const losses = arrays.losses!.data;
        const most = Math.max(...Array.from(losses, Number), 1e-12);
        return (
          <div class="table-scroll">
            <table class="numbers many-bars gradients-losses">
              <thead>
                <tr>
                  <th scope="col">{words.token}</th>
                  <th scope="col" class="figure">
                    {words.probability}
                  </th>
                  <th scope="col">{words.loss}</th>
                  <th scope="col" class="figure">
                    {single ? words.differenceOfOne : words.difference}
                  </th>
                </tr>
              </thead>
              <tbody>
                {places.map((place) => {
                  const token = answer.predicted[place]!;
                  const loss = Number(losses[place]);
                  return (
                    <tr key={place} class={place === pass.position ? "chosen" : undefined}>
                      <th scope="row">
                        <Piece token={token} special={words.special} />
                      </th>
                      <td class="figure">
                        <Num
                          path="probabilities"
                          index={[0, place, token.id]}
                          value={Number(arrays[`p${place}`]!.data[0])}
                          label={`${token.piece}: ${words.probability}`}
                        />
                      </td>
                      <BarCell bar={<Bar share={loss / most} />} name="loss">
                        <Num
                          path="losses"
                          index={[0, place]}
                          value={loss}
                          label={`${token.piece}: ${words.loss}`}
                        />
                      </BarCell>
                      <td class="figure">
                        <Num
                          path="d_logits"
                          index={[0, place, token.id]}
                          value={Number(arrays[`d${place}`]!.data[0])}
                          label={`${token.piece}: ${words.difference}`}
                        />
                      </td>
                    </tr>
                  );
                })}
              </tbody>
              <tfoot>
                <tr>
                  <th scope="row" colSpan={2}>
                    {single ? words.meanOfOne : words.mean}
                  </th>
                  <td class="figure">
                    <Num path="loss" index={[]} value={Number(arrays.loss!.data[0])} />
                  </td>
                  <td />
                </tr>
              </tfoot>
            </table>
          </div>
        );
      }}
    </Numbers>
  );
}
