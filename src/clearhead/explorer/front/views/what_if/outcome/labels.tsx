/** What the edits do to a classifier: its label, and the probability of each, before and after. */

import type { JSX } from "preact";
import type { LikelyLabel, Run } from "../../../core/protocol";
import { format, signed } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { Bar, BarCell } from "../../shared/parts";
import { table } from "../words";

interface LabelChangeProps {
  answer: Run;
  before: LikelyLabel[];
  after: LikelyLabel[];
}

export function LabelChange({ answer, before, after }: LabelChangeProps): JSX.Element {
  const words = wordsOf(table);
  const [old, own] = [answer.baseline?.translation ?? "", answer.translation ?? ""];
  const rows = before
    .map((one, number) => ({ ...one, now: after[number]?.probability ?? 0 }))
    .sort((one, other) => other.probability - one.probability);
  return (
    <>
      <div class="before-after">
        <figure>
          <figcaption>{words.before}</figcaption>
          <p class="edit-translation">{old}</p>
        </figure>
        <figure>
          <figcaption>{words.after}</figcaption>
          <p class="edit-translation">{own}</p>
        </figure>
      </div>
      <p class="verdict" role="status">
        <strong>{old === own ? words.sameLabel : words.otherLabel}</strong>
      </p>
      <div class="table-scroll">
        <table class="numbers label-change">
          <thead>
            <tr>
              <th scope="col">{words.label}</th>
              <th scope="col">
                {words.before} <small>0–1</small>
              </th>
              <th scope="col">
                {words.after} <small>0–1</small>
              </th>
              <th scope="col">{words.change}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ label, probability, now }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <BarCell bar={<Bar share={probability} />} name="before">
                  {format(probability)}
                </BarCell>
                <BarCell bar={<Bar share={now} />} name="after">
                  {format(now)}
                </BarCell>
                <td class="figure" data-cell="change">
                  <strong>{signed(now - probability)}</strong>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
