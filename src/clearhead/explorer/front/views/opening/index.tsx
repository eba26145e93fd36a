/** The first screen: which words drew on which, and three discoveries by one press, which a recording
 * cannot have. It stands between the sentence and the views. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Alignment, Discovery, Run } from "../../core/protocol";
import { asking, run } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { canDiscover, screenKind, useAlignment } from "./answers";
import { Discoveries } from "./discoveries/discoveries";
import { Picture } from "./picture/picture";
import { table } from "./words";
import "./opening.css";

export { Limits } from "./limits";

export function Opening(): JSX.Element | null {
  const words = wordsOf(table);
  const folded = useSignal(false);
  const pressed = useSignal<Discovery | null>(null);
  const start = useSignal(0);
  const shown = useShown(start.value);
  const answer = run.value;
  if (!answer || shown instanceof Error) return null;
  return (
    <section
      class="opening"
      aria-labelledby="opening-title"
      data-folded={folded.value || undefined}
    >
      <div class="opening-head">
        <h2 id="opening-title">{words.title[screenKind.value]}</h2>
        <button
          type="button"
          class="link opening-fold"
          aria-expanded={!folded.value}
          onClick={() => (folded.value = !folded.value)}
        >
          {folded.value ? words.unfold : words.fold}
        </button>
      </div>
      {!folded.value && (
        <div
          class="opening-columns"
          data-alone={!canDiscover() || undefined}
          data-stale={asking.value || shown?.answer !== answer || undefined}
        >
          {shown ? (
            <Picture
              answer={shown.answer}
              alignment={shown.alignment}
              discovery={pressed.value}
              move={(to) => (start.value = to)}
            />
          ) : (
            <p class="opening-waiting soft">{words.waiting}</p>
          )}
          {canDiscover() && (
            <Discoveries answer={answer} tell={(discovery) => (pressed.value = discovery)} />
          )}
        </div>
      )}
    </section>
  );
}

interface Shown {
  answer: Run;
  alignment: Alignment;
}

/** The run and its alignment; while another's is on its way, the one before. */
function useShown(start: number): Shown | Error | null {
  const last = useRef<Shown | null>(null);
  const answer = run.value;
  const alignment = useAlignment(answer, start);
  if (alignment instanceof Error) return alignment;
  if (answer && alignment) last.current = { answer, alignment };
  return last.current;
}
