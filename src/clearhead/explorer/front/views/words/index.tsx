/** The translation, word by word: where a word's row of cross-attention goes, which words were
 * likely, and what the search kept. */

import type { JSX } from "preact";
import type { Run } from "../../core/protocol";
import { run, setState, state } from "../../core/state/state";
import { words } from "../../core/text/i18n";
import { Choice, Panel, visible } from "../shared/parts";
import type { View } from "../view";
import { BeamPanel } from "./beam";
import { Ladder, RowSentence } from "./ladder";
import { NextWords } from "./next";
import { picture } from "./picture";
import { mean, type RowWeights, rowTokens, type Shown, shown, useRowWeights } from "./row";
import { text } from "./words";
import "../shared/parts.css";
import "./words.css";

/** What was drawn last, for export. */
let drawn: { answer: Run; current: Shown; row: RowWeights } | null = null;

function WordsView(): JSX.Element {
  const t = words(text);
  const answer = run.value;
  const current = shown.value;
  const row = useRowWeights(current);
  drawn = answer && current && row ? { answer, current, row } : null;
  if (!answer) return <p>{t.none}</p>;
  if (!current) return <p>{t.noCross}</p>;
  return (
    <div class="study words-view">
      <Panel title={title(current)} id="words-lines">
        <Controls current={current} />
        <RowSentence answer={answer} row={current.row} />
        <Ladder answer={answer} current={current} row={row} />
        <p class="note">{t.weightScale}</p>
      </Panel>
      {answer.next.length > 0 && <NextWords answer={answer} position={current.row} />}
      {answer.next.length > 0 && <BeamPanel answer={answer} row={current.row} />}
    </div>
  );
}

function title(current: Shown): string {
  const t = words(text);
  return mean.value
    ? t.meanName(current.layer, current.attention.heads)
    : t.headName(current.layer, current.head);
}

function Controls({ current }: { current: Shown }): JSX.Element {
  const t = words(text);
  const part = state.part.value;
  return (
    <>
      {!current.locked && part !== "self" && (
        <p class="note warning">{t.lockedElsewhere(t.parts[part])}</p>
      )}
      <div class="controls">
        <Choice
          legend={t.whichHead}
          name="words-mean"
          options={[
            { value: "one", label: t.oneHead },
            { value: "mean", label: t.meanOfHeads },
          ]}
          chosen={state.heads.value}
          choose={(heads) => setState({ heads })}
        />
        <Choice
          legend={t.rowsLabelled}
          name="words-rows"
          options={[
            { value: "input", label: t.byInput },
            { value: "output", label: t.byOutput },
          ]}
          chosen={state.rows.value}
          choose={(rows) => setState({ rows })}
        />
      </div>
      {mean.value && <p class="note warning">{t.meanNote}</p>}
      <p class="note">{t.rowsWhy}</p>
    </>
  );
}

export const view: View = {
  id: "words",
  title: { en: text.en.title, pt: text.pt.title },
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
