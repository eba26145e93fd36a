/** The translation, word by word: where a word's row of cross-attention goes, which words were
 * likely, and what the search kept. */

import type { JSX } from "preact";
import type { Run } from "../../core/protocol";
import { isPart, model, run, setState, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { Choice, Section, visible } from "../shared/parts";
import type { View } from "../view";
import { BeamPanel } from "./beam";
import { Ladder, RowSentence } from "./ladder";
import { LikeliestWords } from "./next";
import { picture } from "./picture";
import {
  mean,
  type RowWeights,
  rowTokens,
  useRowWeights,
  type VisibleRow,
  visibleRow,
} from "./row";
import { table } from "./words";
import "../shared/parts.css";
import "./words.css";

/** What was drawn last, for export. */
let content: { answer: Run; current: VisibleRow; row: RowWeights } | null = null;

function WordsView(): JSX.Element {
  const words = wordsOf(table);
  const answer = run.value;
  const current = visibleRow.value;
  const row = useRowWeights(current);
  content = answer && current && row ? { answer, current, row } : null;
  if (!answer) return <p>{words.none}</p>;
  if (!current) return <p>{words.noCross}</p>;
  const canSearch = model.value?.abilities.includes("beam") && answer.next.length > 0;
  return (
    <div class="study words-view">
      <Section title={title(current)} id="words-lines">
        <Controls current={current} />
        <RowSentence answer={answer} row={current.row} />
        <Ladder answer={answer} current={current} row={row} />
        <p class="note">{words.weightScale}</p>
      </Section>
      {answer.next.length > 0 && <LikeliestWords answer={answer} position={current.row} />}
      {canSearch && <BeamPanel answer={answer} row={current.row} />}
    </div>
  );
}

function title(current: VisibleRow): string {
  const words = wordsOf(table);
  return mean.value
    ? words.meanName(current.layer, current.attention.heads)
    : words.headName(current.layer, current.head);
}

function Controls({ current }: { current: VisibleRow }): JSX.Element {
  const words = wordsOf(table);
  const part = state.part.value;
  return (
    <>
      {!current.locked && isPart(part) && (
        <p class="note warning">{words.lockedElsewhere(words.parts[part])}</p>
      )}
      <div class="controls">
        <Choice
          legend={words.whichHead}
          name="words-mean"
          options={[
            { value: "one", label: words.oneHead },
            { value: "mean", label: words.meanOfHeads },
          ]}
          selected={state.heads.value}
          choose={(heads) => setState({ heads })}
        />
        <Choice
          legend={words.rowsLabelled}
          name="words-rows"
          options={[
            { value: "input", label: words.byInput },
            { value: "output", label: words.byOutput },
          ]}
          selected={state.rows.value}
          choose={(rows) => setState({ rows })}
        />
      </div>
      {mean.value && <p class="note warning">{words.meanNote}</p>}
      <p class="note">{words.rowsWhy}</p>
    </>
  );
}

export const view: View = {
  id: "words",
  title: { en: table.en.title, pt: table.pt.title },
  needs: ["translate"],
  component: WordsView,
  picture: () => content && picture(content.answer, content.current, content.row),
  json: () =>
    content && {
      head: mean.peek() ? "mean" : content.current.head,
      layer: content.current.layer,
      path: content.row.path,
      row: content.current.row,
      labelled_by: state.rows.peek(),
      label: visible(rowTokens(content.answer)[content.current.row]?.piece ?? ""),
      source: content.answer.source.map(({ piece }) => piece),
      weights: content.row.weights,
      next: content.answer.next[content.current.row] ?? null,
    },
};
