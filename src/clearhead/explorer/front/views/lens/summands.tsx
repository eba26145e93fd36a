/** A logit as the sum of what the parts of the model add to it. */

import type { JSX } from "preact";
import type { LogitSum, LogitSummand } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { BarCell, Diverging } from "../shared/parts";
import { table } from "./words";

/** What a summand is called: its part, layer and head, or the weight that it is. */
export function nameOf(summand: LogitSummand): string {
  const words = wordsOf(table);
  const { path, kind, layer, head } = summand;
  const last = path.slice(path.lastIndexOf(".") + 1);
  if (kind === "head" && layer !== null && head !== null)
    return words.head(words.attentions[last] ?? last, layer, head);
  if (kind === "feed_forward" && layer !== null) return words.layer(words.feedForward, layer);
  if (kind === "embedding") return words.names[last] ?? path;
  return words.bias(path.replace(/\.bias$/, ""));
}

export function Summands({ sum }: { sum: LogitSum }): JSX.Element {
  const words = wordsOf(table);
  const most = Math.max(...sum.summands.map(({ value }) => Math.abs(value)), 1e-12);
  const total = sum.summands.reduce((all, { value }) => all + value, sum.others_sum);
  return (
    <div class="table-scroll">
      <table class="numbers lens-summands">
        <thead>
          <tr>
            <th scope="col">{words.part}</th>
            <th scope="col">{words.value}</th>
          </tr>
        </thead>
        <tbody>
          {sum.summands.map((summand) => (
            <tr key={`${summand.path} ${summand.head}`}>
              <th scope="row">{nameOf(summand)}</th>
              <BarCell bar={<Diverging value={summand.value} most={most} />} name="value">
                {format(summand.value)}
              </BarCell>
            </tr>
          ))}
          {sum.others > 0 && (
            <tr>
              <th scope="row">{words.others(sum.others)}</th>
              <BarCell bar={<Diverging value={sum.others_sum} most={most} />} name="value">
                {format(sum.others_sum)}
              </BarCell>
            </tr>
          )}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">
              {words.total}{" "}
              <small>{words.away(sum.error ? sum.error.toExponential(0) : "0")}</small>
            </th>
            <td class="figure">{format(total)}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}
