/** Layer by layer: what each would say at a position, and what adds to the logit of a token. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Lens, Run, Token } from "../../core/protocol";
import { run, setState, state } from "../../core/state/state";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { useAnswer } from "../shared/answers";
import { Pick, Section, visible } from "../shared/parts";
import type { View } from "../view";
import { picture } from "./picture";
import { Readings } from "./readings";
import { nameOf, Summands } from "./summands";
import { table } from "./words";
import "../shared/parts.css";
import "./lens.css";

/** Another token than the predicted one, at one position of one run. */
const choice = signal<{ of: Run; position: number; token: number } | null>(null);
/** What was drawn last, for export. */
let content: Lens | null = null;

/** What the model reads at each position at which it predicts something. */
function readTokens(answer: Run): Token[] {
  return answer.decoder_input.length ? answer.decoder_input : answer.source;
}

function LensView(): JSX.Element {
  const words = wordsOf(table);
  const answer = run.value;
  if (!answer?.predicted.length) return <p>{words.none}</p>;
  const last = answer.predicted.length - 1;
  const position = Math.min(state.position.value ?? last, last);
  const other = choice.value;
  const token = other && other.of === answer && other.position === position ? other.token : null;
  return (
    <div class="study lens-view">
      <div class="controls">
        <PositionPick answer={answer} position={position} />
        <TokenPick answer={answer} position={position} token={token} />
      </div>
      <Answer answer={answer} position={position} token={token} />
    </div>
  );
}

/** Behind which token the model predicts which, or in whose place. */
function positionName(answer: Run | null, place: number): string {
  const words = wordsOf(table);
  if (!answer) return "";
  const label = answer.decoder_input.length ? words.after : words.inPlaceOf;
  const [read, predicted] = [readTokens(answer)[place], answer.predicted[place]];
  return label(visible(read?.piece ?? ""), visible(predicted?.piece ?? ""));
}

function PositionPick({ answer, position }: { answer: Run; position: number }): JSX.Element {
  const words = wordsOf(table);
  return (
    <Pick
      label={words.position}
      value={position}
      options={answer.predicted.map((_, value) => ({ value, label: positionName(answer, value) }))}
      choose={(value) => setState({ position: Number(value) })}
    />
  );
}

interface Place {
  answer: Run;
  position: number;
  token: number | null;
}

function TokenPick({ answer, position, token }: Place): JSX.Element {
  const words = wordsOf(table);
  const predicted = answer.predicted[position] as Token;
  const likeliest = answer.next[position]?.likeliest.map((one) => one.token) ?? [];
  const tokens = [predicted, ...likeliest.filter(({ id }) => id !== predicted.id)];
  return (
    <Pick
      label={words.token}
      value={token ?? predicted.id}
      options={tokens.map(({ id, piece }) => ({ value: id, label: visible(piece) }))}
      choose={(value) => {
        choice.value = { of: answer, position, token: Number(value) };
      }}
    />
  );
}

function Answer({ answer, position, token }: Place): JSX.Element {
  const words = wordsOf(table);
  const reply = useAnswer(answer, "lens", { run: answer.request, position, token }).value;
  content = reply instanceof Error ? null : reply;
  if (reply === null) return <p role="status">{words.asking}</p>;
  if (reply instanceof Error) return <p role="alert">{reply.message}</p>;
  const { sum } = reply;
  return (
    <>
      <Section title={words.lensTitle} id="lens-layers">
        <p class="note">{words.lensIntro}</p>
        <Readings lens={reply} />
      </Section>
      <Section title={words.sumTitle(visible(reply.token.piece))} id="lens-sum">
        <p class="note">{sum ? words.sumIntro(format(sum.logit)) : words.noSum}</p>
        {sum && <Summands sum={sum} />}
      </Section>
    </>
  );
}

export const view: View = {
  id: "lens",
  title: { en: table.en.title, pt: table.pt.title },
  needs: ["lens"],
  component: LensView,
  picture: () => content && picture(content, positionName(run.peek(), content.position)),
  json: () =>
    content && {
      ...content,
      sum: content.sum && {
        ...content.sum,
        summands: content.sum.summands.map((one) => ({ ...one, name: nameOf(one) })),
      },
    },
};
