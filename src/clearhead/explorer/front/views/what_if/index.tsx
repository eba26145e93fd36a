/** What if: changes to the model or its source, and what they do to the translation. */

import type { JSX } from "preact";
import type { Run } from "../../core/protocol";
import { upToDate } from "../../core/state/running";
import { asking, kind, run, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { Section } from "../shared/parts";
import type { View } from "../view";
import { describe } from "./edits/describe";
import { EditForm } from "./edits/form";
import { EditList, QuickEdits } from "./edits/list";
import { BeforeAfter } from "./outcome/before_after";
import { NextChanges, PerWord } from "./outcome/changes";
import { OutputChange } from "./outcome/output";
import { picture } from "./outcome/picture";
import { type Comparison, useComparison } from "./outcome/result";
import { table } from "./words";
import "../shared/parts.css";
import "./what_if.css";

export { EditsBanner } from "./edits/banner";

/** What was shown last, for export. */
let content: { answer: Run; comparison: Comparison | null } | null = null;

function WhatIfView(): JSX.Element {
  const words = wordsOf(table);
  const answer = run.value;
  if (!answer) return <p>{words.none}</p>;
  return (
    <div class="study what-if-view">
      <Section title={words.title} id="what-if-editing" class="what-if-editing">
        <QuickEdits answer={answer} />
        <EditList answer={answer} />
        <EditForm answer={answer} />
      </Section>
      <Results answer={answer} />
    </div>
  );
}

function Results({ answer }: { answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const comparison = useComparison(answer);
  const outcome = comparison instanceof Error ? null : comparison;
  content = { answer, comparison: outcome };
  // After an error the answer is not that of the edits which are listed.
  if (!asking.value && !upToDate.value)
    return (
      <Section title={words.resultTitle} id="what-if-result">
        <p>{words.notApplied}</p>
      </Section>
    );
  if (!answer.baseline)
    return (
      <Section title={words.resultTitle} id="what-if-result">
        <p>{words.noEdits}</p>
        {answer.translation !== null && <p class="edit-translation">{answer.translation}</p>}
      </Section>
    );
  if (answer.baseline.output_change)
    return (
      <Section title={words.outputTitle} id="what-if-result">
        <OutputChange answer={answer} change={answer.baseline.output_change} />
      </Section>
    );
  return (
    <div class="what-if-results">
      <Section title={words.resultTitle} id="what-if-result">
        <BeforeAfter answer={answer} baseline={answer.baseline} />
      </Section>
      {comparison === null && <p role="status">{words.asking}</p>}
      {comparison instanceof Error && <p role="alert">{comparison.message}</p>}
      {outcome && !outcome.aligned && <p class="note">{words.retokenised}</p>}
      {outcome?.aligned && (
        <>
          <Section title={words.perWordTitle[kind.value]} id="what-if-words">
            <PerWord comparison={outcome} />
          </Section>
          <Section title={words.nextTitle} id="what-if-next">
            <NextChanges comparison={outcome} answer={answer} />
          </Section>
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
  picture: () => content && picture(content.answer, content.comparison),
  json: () =>
    content && {
      edits: state.edits.peek(),
      described: state.edits.peek().map((edit) => describe(edit, content!.answer)),
      translation: content.answer.translation,
      log_probability: content.answer.log_probability,
      baseline: content.answer.baseline,
      original_translation: content.comparison && {
        predicted: content.comparison.before.predicted,
        log_probabilities: {
          before: content.comparison.before.log_probabilities,
          after: content.comparison.after.log_probabilities,
        },
        next: { before: content.comparison.before.next, after: content.comparison.after.next },
      },
    },
};
