/** Target words on the left, source tokens on the right, lines from the chosen word only. */

import { signal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import type { Derivation, Run, Token } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { weightColour } from "../../draw/colours";
import { shownTheme } from "../../draw/theme";
import { Num } from "../../where_from/number";
import { PAGE, Pager, page, type Window } from "../shared/pager";
import { Bar, moved, Piece, visible } from "../shared/parts";
import { chooseRow, type RowWeights, rowTokens, type Shown } from "./row";
import { table } from "./words";

const ROW = 30;
const GAP = 96;

/** First source token shown; null follows the largest weight. */
const sourceFrom = signal<number | null>(null);
let sourceOf: Run | null = null;

export function windows(
  answer: Run,
  current: Shown,
  weights: number[] | null,
): { target: Window; source: Window } {
  if (sourceOf !== answer) {
    sourceOf = answer;
    sourceFrom.value = null;
  }
  const largest = weights ? weights.indexOf(Math.max(...weights)) : 0;
  return {
    target: page(current.row, answer.predicted.length),
    source: page(sourceFrom.value ?? largest, answer.source.length),
  };
}

interface LadderProps {
  answer: Run;
  current: Shown;
  row: RowWeights | null;
}

export function Ladder({ answer, current, row }: LadderProps): JSX.Element {
  const words = wordsOf(table);
  const { target, source } = windows(answer, current, row?.weights ?? null);
  const hidden = (row?.weights ?? []).reduce(
    (sum, weight, key) => (key < source.start || key >= source.stop ? sum + weight : sum),
    0,
  );
  return (
    <div class="words-ladder-all">
      <div class="words-ladder">
        <div class="words-side">
          <h3 id="words-target">{words.target}</h3>
          <Pager window={target} name={words.target} move={(to) => chooseRow(to)} />
        </div>
        <div class="words-side words-right">
          <h3 id="words-source">{words.source}</h3>
          <Pager window={source} name={words.source} move={(to) => (sourceFrom.value = to)} />
        </div>
        <Targets answer={answer} current={current} window={target} />
        <Lines current={current} weights={row?.weights ?? null} target={target} source={source} />
        <Sources answer={answer} current={current} row={row} window={source} />
      </div>
      {source.of > PAGE && <p class="note">{words.outside(format(hidden))}</p>}
    </div>
  );
}

function Targets({
  answer,
  current,
  window,
}: {
  answer: Run;
  current: Shown;
  window: Window;
}): JSX.Element {
  const words = wordsOf(table);
  const labels = rowTokens(answer);
  const choose = (event: TargetedKeyboardEvent<HTMLUListElement>) => {
    const next = moved(event.key, current.row, window.of);
    if (next === null) return;
    event.preventDefault();
    const list = event.currentTarget;
    chooseRow(next);
    requestAnimationFrame(() => list.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
  };
  return (
    <ul
      class="words-tokens words-targets"
      role="listbox"
      aria-labelledby="words-target"
      title={words.targetHelp}
      onKeyDown={choose}
    >
      {labels.slice(window.start, window.stop).map((token, offset) => {
        const place = window.start + offset;
        const chosen = place === current.row;
        return (
          <li
            key={place}
            role="option"
            aria-selected={chosen}
            tabIndex={chosen ? 0 : -1}
            style={{ height: `${ROW}px` }}
            onClick={() => chooseRow(place)}
          >
            <span class="words-place">{place}</span>
            <Piece token={token} special={words.special} />
          </li>
        );
      })}
    </ul>
  );
}

function Sources({ answer, current, row, window }: LadderProps & { window: Window }): JSX.Element {
  const words = wordsOf(table);
  return (
    <ol class="words-tokens words-sources" aria-label={words.sourceTable} start={window.start}>
      {answer.source.slice(window.start, window.stop).map((token, offset) => {
        const key = window.start + offset;
        const weight = row?.weights[key];
        return (
          <li key={key} style={{ height: `${ROW}px` }}>
            <span class="words-place">{key}</span>
            <Piece token={token} special={words.special} />
            <Bar share={weight ?? 0} colour={weightColour(weight ?? 0, shownTheme.value)} />
            {weight !== undefined && row && (
              <Weight row={row} current={current} token={token} weight={weight} place={key} />
            )}
          </li>
        );
      })}
    </ol>
  );
}

interface WeightProps {
  row: RowWeights;
  current: Shown;
  token: Token;
  weight: number;
  place: number;
}

function Weight({ row, current, token, weight, place }: WeightProps): JSX.Element {
  const index = [0, row.head ?? 0, current.row, place];
  const derivation = row.head === null ? meanOfHeads(row.path, current.row, place) : undefined;
  const label = visible(token.piece);
  return (
    <Num
      class="words-number"
      path={row.path}
      index={index}
      value={weight}
      label={label}
      derivation={derivation}
    />
  );
}

/** A mean is no step of the model: this is how it follows from the heads' weights. */
function meanOfHeads(path: string, query: number, key: number): Derivation {
  const label = { en: "the weights of all heads", pt: "os pesos de todas as cabeças" };
  return {
    expression: "np.mean(w)",
    operands: [{ symbol: "w", label, path, index: [0, ":", query, key] }],
  };
}

interface LinesProps {
  current: Shown;
  weights: number[] | null;
  target: Window;
  source: Window;
}

/** How wide the line of a weight is. */
export function lineWidth(weight: number): number {
  return 0.4 + 11 * weight;
}

function Lines({ current, weights, target, source }: LinesProps): JSX.Element {
  const height = ROW * Math.max(target.stop - target.start, source.stop - source.start);
  const from = (current.row - target.start + 0.5) * ROW;
  const keys = weights
    ? Array.from({ length: source.stop - source.start }, (_, at) => source.start + at)
    : [];
  return (
    <svg
      class="words-lines"
      height={height}
      viewBox={`0 0 ${GAP} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {keys.map((key) => {
        const to = (key - source.start + 0.5) * ROW;
        return (
          <path
            key={key}
            d={`M0 ${from}C${GAP / 2} ${from} ${GAP / 2} ${to} ${GAP} ${to}`}
            class="words-line"
            stroke-width={lineWidth(weights?.[key] ?? 0)}
          />
        );
      })}
    </svg>
  );
}

/** What a row says of itself: "reads ▁le, writes ▁chat". */
export function RowSentence({ answer, row }: { answer: Run; row: number }): JSX.Element {
  const words = wordsOf(table);
  const [read, written] = [answer.decoder_input[row], answer.predicted[row]];
  return (
    <p class="words-row-sentence" aria-live="polite">
      <strong>{row}</strong>: {words.reads} {read && <Piece token={read} special={words.special} />}
      , {words.writes} {written && <Piece token={written} special={words.special} />}
    </p>
  );
}
