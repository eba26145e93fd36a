/** The likeliest next words at the chosen position, and the one that was taken. */

import type { JSX } from "preact";
import type { Run } from "../../core/protocol";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { Num } from "../../where_from/number";
import { Bar, BarCell, Piece, Section, spoken, visible } from "../shared/parts";
import { table } from "./words";

export function LikeliestWords({
  answer,
  position,
}: {
  answer: Run;
  position: number;
}): JSX.Element | null {
  const words = wordsOf(table);
  const next = answer.next[position];
  if (!next) return null;
  const { likeliest, taken } = next;
  const rows = likeliest.map((word, place) => ({
    ...word,
    rank: place + 1,
    taken: word.token.id === taken.token.id,
  }));
  if (!rows.some((row) => row.taken)) rows.push({ ...taken, taken: true });
  const rest = 1 - rows.reduce((sum, row) => sum + row.probability, 0);
  const prefix = spoken(answer.decoder_input.slice(0, position + 1).map(({ piece }) => piece));
  return (
    <Section title={words.nextTitle} id="words-next" class="words-next">
      <p class="note">{words.nextAfter(prefix)}</p>
      <div class="table-scroll">
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">{words.rank}</th>
              <th scope="col">{words.word}</th>
              <th scope="col">
                {words.probability} <small>0–1</small>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.token.id} class={row.taken ? "words-taken" : undefined}>
                <td class="figure">{row.rank}</td>
                <th scope="row">
                  <Piece token={row.token} special={words.special} />
                  {row.taken && <span class="mark">✓ {words.taken}</span>}
                </th>
                <BarCell bar={<Bar share={row.probability} />} name="probability">
                  <Num
                    path="probabilities"
                    index={[0, position, row.token.id]}
                    value={row.probability}
                    label={visible(row.token.piece)}
                  />
                </BarCell>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="note">{words.rest(format(Math.max(0, rest)))}</p>
      <p class="note">
        {taken.rank === 1 ? words.takenFirst : words.takenRank(taken.rank)}{" "}
        {taken.rank > 1 && words.takenWhy}
      </p>
    </Section>
  );
}
