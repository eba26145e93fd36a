/** What if: changes to the model or its source, and what they do to the translation. */

import type { JSX } from "preact";
import type { Run } from "../../core/protocol";
import { upToDate } from "../../core/state/running";
import { asking, run, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { Panel } from "../shared/parts";
import type { View } from "../view";
import { describe } from "./edits/describe";
import { EditForm } from "./edits/form";
import { EditList, QuickEdits } from "./edits/list";
import { BeforeAfter } from "./outcome/before_after";
import { NextChanges, PerWord } from "./outcome/changes";
import { picture } from "./outcome/picture";
import { type Comparison, useComparison } from "./outcome/result";
import { table } from "./words";
import "../shared/parts.css";
import "./what_if.css";

export { EditsBanner } from "./edits/banner";

/** What was shown last, for export. */
let drawn: { answer: Run; comparison: Comparison | null } | null = null;

function WhatIfView(): JSX.Element {
  const words = wordsOf(table);
  const answer = run.value;
  if (!answer) return <p>{words.none}</p>;
  return (
    <div class="study what-if-view">
      <Panel title={words.title} id="what-if-editing" class="what-if-editing">
        <QuickEdits answer={answer} />
        <EditList answer={answer} />
        <EditForm answer={answer} />
      </Panel>
      <Results answer={answer} />
    </div>
  );
}

function Results({ answer }: { answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const comparison = useComparison(answer);
  const known = comparison instanceof Error ? null : comparison;
  drawn = { answer, comparison: known };
  // After an error the answer is not that of the edits which are listed.
  if (!asking.value && !upToDate.value)
    return (
      <Panel title={words.resultTitle} id="what-if-result">
        <p>{words.notApplied}</p>
      </Panel>
    );
  if (!answer.baseline)
    return (
      <Panel title={words.resultTitle} id="what-if-result">
        <p>{words.noEdits}</p>
        <p class="edit-translation">{answer.translation}</p>
      </Panel>
    );
  return (
    <div class="what-if-results">
      <Panel title={words.resultTitle} id="what-if-result">
        <BeforeAfter answer={answer} baseline={answer.baseline} />
      </Panel>
      {comparison === null && <p role="status">{words.asking}</p>}
      {comparison instanceof Error && <p role="alert">{comparison.message}</p>}
      {known && !known.aligned && <p class="note">{words.retokenised}</p>}
      {known?.aligned && (
        <>
          <Panel title={words.perWordTitle} id="what-if-words">
            <PerWord comparison={known} />
          </Panel>
          <Panel title={words.nextTitle} id="what-if-next">
            <NextChanges comparison={known} answer={answer} />
          </Panel>
        </>
      )}
    </div>
  );
}

export const view: View = {
  id: "what_if",
  title: { en: table.en.title, pt: table.pt.title },
  needs: ["edit"],
  component: WhatIfView,
  scene: () => drawn && picture(drawn.answer, drawn.comparison),
  json: () =>
    drawn && {
      edits: state.edits.peek(),
      described: state.edits.peek().map((edit) => describe(edit, drawn!.answer)),
      translation: drawn.answer.translation,
      log_probability: drawn.answer.log_probability,
      baseline: drawn.answer.baseline,
      original_translation: drawn.comparison && {
        predicted: drawn.comparison.before.predicted,
        log_probabilities: {
          before: drawn.comparison.before.log_probabilities,
          after: drawn.comparison.after.log_probabilities,
        },
        next: { before: drawn.comparison.before.next, after: drawn.comparison.after.next },
      },
    },
};
