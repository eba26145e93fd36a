/** What an embedding means: the tokens whose rows of the table point most nearly the same way. */

import type { JSX } from "preact";
import type { Neighbours as Answer } from "../../../core/protocol";
import { messageOf } from "../../../core/state/error_message";
import { source } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { useAnswer } from "../../shared/answers";
import { Bars } from "../flow/bars";
import { cosineOf, Derived } from "../parts/derived";
import { type Plan, quoted } from "../plan";
import { table } from "./words";
import "./meaning.css";

export function Neighbours({ plan }: { plan: Plan }): JSX.Element | null {
  const words = wordsOf(table);
  const token = plan.queries[plan.query];
  const asked = source.value.place !== "offline" && token;
  const answer = useAnswer(
    plan.run,
    "neighbours",
    asked
      ? { token: token.id, stack: plan.stack, checkpoint: plan.run.request.checkpoint ?? null }
      : null,
  ).value;
  if (!token) return null;
  return (
    <section class="meaning" aria-labelledby="walk-neighbours">
      <h3 id="walk-neighbours">{words.neighbours.title(quoted(token))}</h3>
      {!asked ? (
        <p class="walk-note">{words.neighbours.offline}</p>
      ) : answer instanceof Error ? (
        <p class="walk-failed" role="alert">
          {messageOf(answer)}
        </p>
      ) : answer ? (
        <Nearest plan={plan} answer={answer} />
      ) : (
        <p class="walk-loading">{words.neighbours.loading}</p>
      )}
    </section>
  );
}

function Nearest({ plan, answer }: { plan: Plan; answer: Answer }): JSX.Element {
  const words = wordsOf(table);
  if (!answer.nearest.length) return <p>{words.neighbours.none}</p>;
  return (
    <>
      <p class="walk-sentence">
        {words.neighbours.sentence(answer.of.toLocaleString(words.locale))}
      </p>
      <Bars
        label={words.neighbours.title(quoted(answer.token))}
        kind="weight"
        max={1}
        rows={answer.nearest.map(({ token, cosine }) => ({
          label: token.piece,
          value: Math.max(0, cosine),
          number: (
            <Derived
              name="nearest"
              plan={plan}
              index={[answer.token.id, token.id]}
              value={cosine}
              digits={3}
              derivation={cosineOf(answer.table, answer.token.id, token.id)}
              label={words.neighbours.cosine(quoted(token))}
            />
          ),
          chosen: false,
          when: "done",
        }))}
      />
    </>
  );
}
