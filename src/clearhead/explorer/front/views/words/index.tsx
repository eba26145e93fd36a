/** The translation, word by word: where a word's row of cross-attention goes, which words were
 * likely, and what the search kept. */

import type { JSX } from "preact";
import type { Run } from "../../core/protocol";
import { isPart, run, setState, state } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { Choice, Panel, visible } from "../shared/parts";
import type { View } from "../view";
import { BeamPanel } from "./beam";
import { Ladder, RowSentence } from "./ladder";
import { NextWords } from "./next";
import { picture } from "./picture";
import { mean, type RowWeights, rowTokens, type Shown, shown, useRowWeights } from "./row";
import { table } from "./words";
import "../shared/parts.css";
import "./words.css";

/** What was drawn last, for export. */
let drawn: { answer: Run; current: Shown; row: RowWeights } | null = null;

function WordsView(): JSX.Element {
  const words = wordsOf(table);
  const answer = run.value;
  const current = shown.value;
  const row = useRowWeights(current);
  drawn = answer && current && row ? { answer, current, row } : null;
  if (!answer) return <p>{words.none}</p>;
  if (!current) return <p>{words.noCross}</p>;
  return (
    <div class="study words-view">
      <Panel title={title(current)} id="words-lines">
        <Controls current={current} />
        <RowSentence answer={answer} row={current.row} />
        <Ladder answer={answer} current={current} row={row} />
        <p class="note">{words.weightScale}</p>
      </Panel>
      {answer.next.length > 0 && <NextWords answer={answer} position={current.row} />}
      {answer.next.length > 0 && <BeamPanel answer={answer} row={current.row} />}
    </div>
  );
}

function title(current: Shown): string {
  const words = wordsOf(table);
  return mean.value
    ? words.meanName(current.layer, current.attention.heads)
    : words.headName(current.layer, current.head);
}

function Controls({ current }: { current: Shown }): JSX.Element {
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
          chosen={state.heads.value}
          choose={(heads) => setState({ heads })}
        />
        <Choice
          legend={words.rowsLabelled}
          name="words-rows"
          options={[
            { value: "input", label: words.byInput },
            { value: "output", label: words.byOutput },
          ]}
          chosen={state.rows.value}
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
  scene: () => drawn && picture(drawn.answer, drawn.current, drawn.row),
  json: () =>
    drawn && {
      head: mean.peek() ? "mean" : drawn.current.head,
      layer: drawn.current.layer,
      path: drawn.row.path,
      row: drawn.current.row,
      labelled_by: state.rows.peek(),
      label: visible(rowTokens(drawn.answer)[drawn.current.row]?.piece ?? ""),
      source: drawn.answer.source.map(({ piece }) => piece),
      weights: drawn.row.weights,
      next: drawn.answer.next[drawn.current.row] ?? null,
    },
};
