/** What the edits do to the next-word distributions, along the original translation. */

import { useSignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect } from "preact/hooks";
import type { Run, Token } from "../../../core/protocol";
import { askArray, at } from "../../../core/state/arrays";
import { kind, setState, state } from "../../../core/state/state";
import { format, signed } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import { Pager, page } from "../../shared/pager";
import { Bar, BarCell, Diverging, Piece, placeAfterKey, spoken, visible } from "../../shared/parts";
import { table } from "../words";
import { minus } from "./before_after";
import { type Comparison, sharedPositions } from "./result";

/** The chosen position, or else the one whose word the edits changed most. */
export function chosenPosition({ before, after }: Comparison): number {
  const changes = before.log_probabilities.map((value, place) =>
    minus(after.log_probabilities[place] ?? null, value),
  );
  const sizes = changes.map((change) => (change === null ? Infinity : Math.abs(change)));
  return Math.min(state.position.value ?? sizes.indexOf(Math.max(...sizes)), sizes.length - 1);
}

export function PerWord({ comparison }: { comparison: Comparison }): JSX.Element {
  const words = wordsOf(table);
  const { before, after } = comparison;
  const selected = chosenPosition(comparison);
  const rows = before.predicted.map((token, place) => {
    const [one, other] = [
      before.log_probabilities[place] ?? null,
      after.log_probabilities[place] ?? null,
    ];
    return { token, one, other, change: minus(other, one), place };
  });
  const window = page(selected, rows.length);
  const most = Math.max(...rows.map(({ change }) => Math.abs(change ?? 0)));
  const choose = (event: TargetedKeyboardEvent<HTMLTableSectionElement>) => {
    const next = placeAfterKey(event.key, selected, rows.length);
    if (next === null) return;
    event.preventDefault();
    const body = event.currentTarget;
    setState({ position: next });
    requestAnimationFrame(() => body.querySelector<HTMLElement>("[aria-pressed=true]")?.focus());
  };
  return (
    <>
      <p class="note">{words.perWordNote}</p>
      <Pager
        window={window}
        name={words.perWordTitle[kind.value]}
        move={(position) => setState({ position })}
      />
      <div class="table-scroll">
        <table class="numbers per-word many-bars">
          <thead>
            <tr>
              <th scope="col">{words.word}</th>
              <th scope="col">{words.before}</th>
              <th scope="col">{words.after}</th>
              <th scope="col">
                {words.change} <small>{words.scaleEffect(format(most))}</small>
              </th>
            </tr>
          </thead>
          <tbody onKeyDown={choose}>
            {rows.slice(window.start, window.stop).map(({ token, one, other, change, place }) => (
              <tr key={place} class={place === selected ? "chosen" : undefined}>
                <th scope="row">
                  <button
                    type="button"
                    class="row-button"
                    aria-pressed={place === selected}
                    tabIndex={place === selected ? 0 : -1}
                    onClick={() => setState({ position: place })}
                  >
                    <small>{place}</small> <Piece token={token} special={words.special} />
                  </button>
                </th>
                <td class="figure" data-cell="before">
                  {format(one)}
                </td>
                <td class="figure" data-cell="after">
                  {format(other)}
                </td>
                <BarCell bar={<Diverging value={change} most={most} />} name="change">
                  {signed(change)}
                </BarCell>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface NextWord {
  token: Token;
  before: number | null;
  after: number | null;
}

/** The ten likeliest of either, with the probability that each has in both. */
function useNextWords({ before, after }: Comparison, position: number): NextWord[] {
  const [one, other] = [before.next[position], after.next[position]];
  const answer = useSignal<{ of: unknown; words: NextWord[] }>({ of: null, words: [] });
  useEffect(() => {
    if (!one || !other) return;
    const tokens = new Map(
      [...one.likeliest, ...other.likeliest].map(({ token }) => [token.id, token]),
    );
    tokens.set(one.taken.token.id, one.taken.token);
    const all = [...tokens.values()];
    void Promise.all([
      probabilities(before, position, all),
      probabilities(after, position, all),
    ]).then(
      ([first, second]) => {
        const list = all.map((token, place) => ({
          token,
          before: first[place] ?? null,
          after: second[place] ?? null,
        }));
        list.sort(
          (a, b) => Math.max(b.before ?? 0, b.after ?? 0) - Math.max(a.before ?? 0, a.after ?? 0),
        );
        answer.value = { of: after, words: list };
      },
      () => undefined, // the shell shows what failed
    );
  }, [one, other]);
  return answer.value.of === after ? answer.value.words : [];
}

/** Known ones from the run's answer, the others one by one from its step. */
function probabilities(answer: Run, position: number, tokens: Token[]): Promise<number[]> {
  const next = answer.next[position];
  const probabilities = new Map(
    [...(next?.likeliest ?? []), ...(next ? [next.taken] : [])].map((one) => [
      one.token.id,
      one.probability,
    ]),
  );
  return Promise.all(
    tokens.map(async ({ id }) => {
      const value = probabilities.get(id);
      if (value !== undefined) return value;
      const window: [number, number][] = [
        [0, 1],
        [position, position + 1],
        [id, id + 1],
      ];
      return at(await askArray("probabilities", window, answer), 0, 0, 0);
    }),
  );
}

export function NextChanges({
  comparison,
  answer,
}: {
  comparison: Comparison;
  answer: Run;
}): JSX.Element {
  const words = wordsOf(table);
  const position = chosenPosition(comparison);
  const list = useNextWords(comparison, position);
  const { before } = comparison;
  const original = before.predicted[position];
  const prefix = spoken(before.decoder_input.slice(0, position + 1).map(({ piece }) => piece));
  const there = before.source[position];
  // There the shown run read the same words, so its own step holds these numbers.
  const own = position < sharedPositions(answer, before);
  return (
    <>
      <p class="note">
        {kind.value === "encoder" && there
          ? words.thereAt(position, visible(there.piece))
          : words.nextAt(position, prefix)}
      </p>
      <div class="table-scroll">
        <table class="numbers next-changes many-bars">
          <thead>
            <tr>
              <th scope="col">{words.word}</th>
              <th scope="col">
                {words.before} <small>0–1</small>
              </th>
              <th scope="col">
                {words.after} <small>0–1</small>
              </th>
              <th scope="col">{words.change}</th>
            </tr>
          </thead>
          <tbody>
            {list.map((word) => (
              <tr key={word.token.id} data-token={word.token.id}>
                <th scope="row">
                  <Piece token={word.token} special={words.special} />
                  {word.token.id === original?.id && <span class="mark">✓ {words.original}</span>}
                </th>
                <BarCell bar={<Bar share={word.before ?? 0} />} name="before">
                  {format(word.before)}
                </BarCell>
                <BarCell bar={<Bar share={word.after ?? 0} />} name="after">
                  {own ? (
                    <Num
                      path="probabilities"
                      index={[0, position, word.token.id]}
                      value={word.after}
                      label={visible(word.token.piece)}
                    />
                  ) : (
                    format(word.after)
                  )}
                </BarCell>
                <td class="figure" data-cell="change">
                  {signed(minus(word.after, word.before))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
