/** What went wrong, in words, with what to do. */

import type { JSX } from "preact";
import { messageOf } from "../core/state/error_message";
import { retry, upToDate } from "../core/state/running";
import { asking, failure, run, setState, source, state } from "../core/state/state";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";

export function Failure(): JSX.Element {
  const words = wordsOf(table);
  const error = failure.value;
  return (
    <div role="alert" class={error ? "failure" : "failure none"}>
      {error && (
        <>
          <p>
            <strong>{words.failed}</strong> {messageOf(error)}
          </p>
          <p>
            {source.value.place !== "offline" && (
              <button type="button" onClick={retry}>
                {words.retry}
              </button>
            )}{" "}
            {state.edits.value.length > 0 && (
              <button type="button" onClick={() => setState({ edits: [] })}>
                {words.undoEdits}
              </button>
            )}
          </p>
        </>
      )}
    </div>
  );
}

/** After an error the views keep the last answer, and say whose it is. */
export function LastAnswer(): JSX.Element | null {
  const words = wordsOf(table);
  const answer = run.value;
  if (!answer || failure.value === null || asking.value || upToDate.value) return null;
  return (
    <p class="last-answer" role="note">
      {words.lastAnswer(answer.text, answer.request.edits?.length ?? 0)}
    </p>
  );
}
