/** What went wrong, in words, with what to do. */

import type { JSX } from "preact";
import { words } from "./i18n";
import { retry } from "./running";
import { Refusal } from "./source";
import { failure, setState, source, state } from "./state";
import { table } from "./words";

export function Failure(): JSX.Element {
  const t = words(table);
  const error = failure.value;
  return (
    <div role="alert" class={error ? "failure" : "failure none"}>
      {error && (
        <>
          <p>
            <strong>{t.failed}</strong> {wordsOf(error)}
          </p>
          <p>
            {source.value.place !== "offline" && (
              <button type="button" onClick={retry}>
                {t.retry}
              </button>
            )}{" "}
            {state.edits.value.length > 0 && (
              <button type="button" onClick={() => setState({ edits: [] })}>
                {t.undoEdits}
              </button>
            )}
          </p>
        </>
      )}
    </div>
  );
}

export function wordsOf(error: Error): string {
  const t = words(table);
  if (error instanceof Refusal && error.kind === "Unreachable") return t.unreachable;
  if (error instanceof Refusal && error.kind === "NotHere") return error.message || t.notHere;
  return error.message;
}
