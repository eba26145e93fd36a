/** What a recording's picture can be turned to: all layers in place of one head, and other tokens of a
 * long text. */

import type { JSX } from "preact";
import type { Alignment, Run } from "../../../core/protocol";
import { wordsOf } from "../../../core/text/i18n";
import { Choice } from "../../shared/parts";
import { table } from "../words";

interface SwitchProps {
  flowing: boolean;
  choose: (flowing: boolean) => void;
}

/** One head, or what flows through all layers. */
export function Switch({ flowing, choose }: SwitchProps): JSX.Element {
  const words = wordsOf(table);
  return (
    <Choice
      legend={words.show}
      name="opening-flow"
      options={[
        { value: "head", label: words.aHead },
        { value: "flow", label: words.allLayers },
      ]}
      selected={flowing ? "flow" : "head"}
      choose={(value) => choose(value === "flow")}
    />
  );
}

interface PagerProps {
  answer: Run;
  alignment: Alignment;
  move: (start: number) => void;
}

/** Which of a long recording's tokens are shown, and the way to others; nothing where all are. */
export function RowsPager({ answer, alignment, move }: PagerProps): JSX.Element | null {
  const words = wordsOf(table);
  const { queries, part } = alignment;
  const of = answer.attention.find((one) => one.part === part)?.queries ?? 0;
  const [first, last] = [queries[0]?.start ?? 0, (queries[queries.length - 1]?.start ?? -1) + 1];
  if (of <= queries.length) return null;
  const step = queries.length;
  return (
    <div class="pager" role="group" aria-label={words.queries.recording}>
      <button type="button" disabled={first === 0} onClick={() => move(Math.max(0, first - step))}>
        {words.earlier}
      </button>
      <span>{words.shownQueries(String(first), String(last - 1), String(of))}</span>
      <button type="button" disabled={last >= of} onClick={() => move(last)}>
        {words.later}
      </button>
    </div>
  );
}
