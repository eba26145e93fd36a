/** Gradients: how the loss of what is predicted would change with each number of the model. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Gradients, Run } from "../../core/protocol";
import { messageOf } from "../../core/state/error_message";
import {
  attention,
  type BackwardSteps,
  backward,
  run,
  setState,
  source,
  state,
} from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { useAnswer } from "../shared/answers";
import { Pick, visible } from "../shared/parts";
import type { View } from "../view";
import { Felt } from "./felt";
import { Head, headName, type Place } from "./head";
import { Loss } from "./loss";
import { Matrices } from "./matrices";
import { numbersOnPage } from "./numbers";
import { Way } from "./way";
import { table } from "./words";
import "../shared/parts.css";
import "./gradients.css";

function GradientsView(): JSX.Element {
  const words = wordsOf(table);
  const answer = run.value;
  if (!answer?.predicted.length) return <p>{words.none}</p>;
  return (
    <div class="study gradients-view">
      <div class="gradients-intro">
        <p>{words.what}</p>
        <p class="soft">{words.lesson}</p>
      </div>
      {source.value.place === "offline" ? (
        <p class="note warning">{words.notSaved}</p>
      ) : answer.steps.some(({ replaced }) => replaced) ? (
        <p class="note warning">{words.underEdits}</p>
      ) : (
        <Answer answer={answer} />
      )}
    </div>
  );
}

/** The positions whose losses count; the mean over all of them is the loss, unless one is chosen. */
function countingPositions(answer: Run): number[] {
  return answer.scored_positions ?? Array.from(answer.predicted.keys());
}

function Answer({ answer }: { answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const position = state.position.value;
  const reply = useAnswer(answer, "gradients", { run: answer.request, position }).value;
  useEffect(() => {
    if (reply && !(reply instanceof Error)) backward.value = passOf(answer, reply);
  }, [reply]);
  // While another loss is gone back from, the numbers of the one before stay.
  const pass = backward.value?.of === answer ? backward.value : null;
  const place = placeNow();
  return (
    <>
      <div class="controls">
        <PositionPick answer={answer} position={position} />
      </div>
      {reply instanceof Error && <p role="alert">{messageOf(reply)}</p>}
      {!(reply instanceof Error) && !pass && <p role="status">{words.asking}</p>}
      {pass && !(reply instanceof Error) && (
        <div class="gradients-sections" aria-busy={reply === null}>
          <div class="gradients-beginning">
            <Loss answer={answer} pass={pass} />
            <Felt answer={answer} />
          </div>
          <Way />
          {place && <Head place={place} />}
          {place && <Matrices place={place} />}
        </div>
      )}
    </>
  );
}

function passOf(answer: Run, { position, steps }: Gradients): BackwardSteps {
  return { of: answer, position, steps: new Map(steps.map((step) => [step.path, step])) };
}

function placeNow(): Place | null {
  const of = attention.value;
  if (!of) return null;
  return {
    of,
    head: Math.min(state.head.value, of.heads - 1),
    query: Math.min(state.query.value, of.queries - 1),
    key: state.key.value,
  };
}

interface PositionProps {
  answer: Run;
  position: number | null;
}

function PositionPick({ answer, position }: PositionProps): JSX.Element {
  const words = wordsOf(table);
  return (
    <Pick
      label={words.lossOf}
      value={position ?? "all"}
      options={[
        { value: "all", label: words.all(countingPositions(answer).length) },
        ...answer.predicted.map(({ piece }, value) => ({
          value,
          label: words.one(value, visible(piece)),
        })),
      ]}
      choose={(value) => setState({ position: value === "all" ? null : Number(value) })}
    />
  );
}

export const view: View = {
  id: "gradients",
  title: { en: table.en.title, pt: table.pt.title },
  needs: ["gradients"],
  component: GradientsView,
  json: () => {
    const place = placeNow();
    if (!numbersOnPage.size) return null;
    return {
      position: backward.value?.position ?? null,
      head: place && headName(place),
      arrays: [...numbersOnPage.values()].flat().map(({ path, window, data }) => ({
        path,
        window,
        numbers: Array.from(data, Number),
      })),
    };
  },
};
