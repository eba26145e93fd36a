/** The translations side by side, and the log-probabilities of each. */

import type { JSX } from "preact";
import type { Run, Token } from "../../../core/protocol";
import { asking, givenTokens, kind, languageOf } from "../../../core/state/state";
import { format, signed } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { visible } from "../../shared/parts";
import { table } from "../words";
import { type Difference, difference } from "./diff";
import { latency } from "./result";

type Baseline = NonNullable<Run["baseline"]>;

export function minus(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one - other;
}

export function BeforeAfter({
  answer,
  baseline,
}: {
  answer: Run;
  baseline: Baseline;
}): JSX.Element {
  const words = wordsOf(table);
  const [old, own] = [baseline.predicted, answer.predicted].map((tokens) =>
    wordsIn(answer, tokens),
  ) as [Token[], Token[]];
  const steps = difference(old, own, ({ id }) => id);
  const removals = steps.filter((one) => one.kind === "removed").length;
  const additions = steps.filter((one) => one.kind === "added").length;
  const language = languageOf("target");
  return (
    <>
      <div class="before-after" lang={language}>
        <figure>
          <figcaption lang="">{words.before}</figcaption>
          <p class="edit-translation">{baseline.translation}</p>
          <Marked steps={steps} leave="added" />
        </figure>
        <figure>
          <figcaption lang="">{words.after}</figcaption>
          <p class="edit-translation">{answer.translation}</p>
          <Marked steps={steps} leave="removed" />
        </figure>
      </div>
      <p class="verdict" role="status">
        <strong>
          {removals + additions === 0 ? words.same[kind.value] : words.differs(removals, additions)}
        </strong>
        {removals + additions > 0 && (
          <span class="note">
            {" "}
            <del>{words.legendRemoved}</del> · <ins>{words.legendAdded}</ins>
          </span>
        )}
      </p>
      <LogProbabilities answer={answer} baseline={baseline} />
      <Latency answer={answer} />
    </>
  );
}

/** What a model wrote: of a continuation neither its prompt nor what would follow it. */
function wordsIn(answer: Run, tokens: Token[]): Token[] {
  return kind.value === "generation" ? tokens.slice(givenTokens(answer).length - 1, -1) : tokens;
}

function Marked({
  steps,
  leave,
}: {
  steps: Difference<Token>[];
  leave: "added" | "removed";
}): JSX.Element {
  const words = wordsOf(table);
  return (
    <p class="marked">
      {steps
        .filter((one) => one.kind !== leave && !(one.item.special && one.kind === "same"))
        .map(({ kind: change, item }, place) => {
          const piece = visible(item.piece);
          if (change === "same") return <span key={place}>{piece}</span>;
          const name = change === "removed" ? words.removedWord : words.addedWord;
          const inside = (
            <>
              <span class="unseen">{name}: </span>
              {piece}
            </>
          );
          return change === "removed" ? (
            <del key={place}>{inside}</del>
          ) : (
            <ins key={place}>{inside}</ins>
          );
        })}
    </p>
  );
}

function LogProbabilities({ answer, baseline }: { answer: Run; baseline: Baseline }): JSX.Element {
  const words = wordsOf(table);
  const rows = [
    { name: words.ofOwn[kind.value], id: "own", after: answer.log_probability },
    { name: words.ofOriginal[kind.value], id: "original", after: baseline.target_log_probability },
  ];
  return (
    <>
      <div class="table-scroll">
        <table class="numbers log-probabilities">
          <thead>
            <tr>
              <th scope="col">{words.measure}</th>
              <th scope="col">{words.underOriginal}</th>
              <th scope="col">{words.underEdited}</th>
              <th scope="col">{words.change}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, id, after }) => (
              <tr key={id} data-row={id}>
                <th scope="row">{name}</th>
                <td class="figure" data-cell="before">
                  {format(baseline.log_probability)}
                </td>
                <td class="figure" data-cell="after">
                  {format(after)}
                </td>
                <td class="figure" data-cell="change">
                  <strong>{signed(minus(after, baseline.log_probability))}</strong>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="note">{words.changeNote}</p>
    </>
  );
}

function Latency({ answer }: { answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const milliseconds = (seconds: number | undefined) => (1000 * (seconds ?? 0)).toFixed(0);
  const { translate, trace } = answer.seconds;
  const [search, steps] = [milliseconds(translate), milliseconds(trace)];
  return (
    <p
      class="note took"
      data-milliseconds={latency.value === null ? undefined : latency.value.toFixed(0)}
      aria-busy={asking.value}
    >
      {asking.value
        ? words.asking
        : latency.value === null
          ? words.tookServer(search, steps)
          : words.took(latency.value.toFixed(0), search, steps)}
    </p>
  );
}
