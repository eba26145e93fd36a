/** The three numbers of each link, one row per key, in three aligned columns of bars. */

import type { JSX } from "preact";
import type { Json, Token } from "../../core/protocol";
import { type State, setState } from "../../core/state/state";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { weightColour } from "../../draw/colours";
import { shownTheme } from "../../draw/theme";
import { Num } from "../../where_from/number";
import { Bar, BarCell, Diverging, Piece, visible } from "../shared/parts";
import { addEdit } from "../what_if/edits/history";
import { table } from "./words";

export type Effects = Json<"effects">;
export type SortBy = State["sort"];

/** One link: a key, its three numbers, and their places when each is sorted by size. */
export interface Link {
  key: number;
  token: Token;
  weight: number;
  contribution: number;
  effect: number | null;
  ranks: { weight: number; contribution: number; effect: number };
}

export interface Place {
  part: "encoder" | "decoder" | "cross";
  layer: number;
  head: number;
  query: number;
  path: string;
}

export function links(answer: Effects, tokens: Token[], sortBy: SortBy): Link[] {
  const sizes = answer.effect.map((effect) => (effect === null ? Infinity : Math.abs(effect)));
  const ranks = {
    weight: ranked(answer.weight),
    contribution: ranked(answer.contribution),
    effect: ranked(sizes),
  };
  const all = answer.keys.map(
    (key, place): Link => ({
      key,
      token: tokens[key] ?? { id: -1, piece: String(key), special: false },
      weight: answer.weight[place]!,
      contribution: answer.contribution[place]!,
      effect: answer.effect[place]!,
      ranks: {
        weight: ranks.weight[place]!,
        contribution: ranks.contribution[place]!,
        effect: ranks.effect[place]!,
      },
    }),
  );
  if (sortBy === "position") return all.sort((one, other) => one.key - other.key);
  return all.sort((one, other) => one.ranks[sortBy] - other.ranks[sortBy]);
}

/** The place of each number, from 1, by falling size. */
function ranked(sizes: number[]): number[] {
  const order = sizes.map((_, place) => place).sort((one, other) => sizes[other]! - sizes[one]!);
  const ranks = new Array<number>(sizes.length);
  for (const [rank, place] of order.entries()) ranks[place] = rank + 1;
  return ranks;
}

/** The ends of the scales: the largest contribution and the largest size of an effect shown. */
export function scales(shown: Link[]): { contribution: number; effect: number } {
  return {
    contribution: Math.max(...shown.map(({ contribution }) => contribution)),
    effect: Math.max(...shown.map(({ effect }) => Math.abs(effect ?? 0))),
  };
}

export function signed(value: number | null): string {
  return value !== null && value > 0 ? `+${format(value)}` : format(value);
}

interface TableProps {
  shown: Link[];
  place: Place;
  caption: string;
  canEdit: boolean;
}

export function LinkTable({ shown, place, caption, canEdit }: TableProps): JSX.Element {
  const words = wordsOf(table);
  const most = scales(shown);
  return (
    <div class="table-scroll">
      <table class="numbers links many-bars">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{words.key}</th>
            <Column name={words.weight} scale={words.weightScale} />
            <Column
              name={words.contribution}
              scale={words.contributionScale(format(most.contribution, 3))}
            />
            <Column name={words.effect} scale={words.effectScale(format(most.effect, 3))} />
          </tr>
        </thead>
        <tbody>
          {shown.map((link) => (
            <Row key={link.key} link={link} most={most} place={place} canEdit={canEdit} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Column({ name, scale }: { name: string; scale: string }): JSX.Element {
  return (
    <th scope="col" class="scaled">
      {name} <small>{scale}</small>
    </th>
  );
}

interface RowProps {
  link: Link;
  most: { contribution: number; effect: number };
  place: Place;
  canEdit: boolean;
}

function Row({ link, most, place, canEdit }: RowProps): JSX.Element {
  const words = wordsOf(table);
  const { key, token, weight, contribution, effect, ranks } = link;
  const label = `${key} “${visible(token.piece)}”`;
  return (
    <tr data-key={key}>
      <th scope="row">
        <div>
          <span>
            <small>{key}</small> <Piece token={token} special={words.special} />
          </span>
          {canEdit && (
            <button
              type="button"
              aria-label={words.tryLong(label)}
              onClick={() => tryWithout(place, key)}
            >
              {words.tryIt}
            </button>
          )}
        </div>
      </th>
      <BarCell
        bar={<Bar share={weight} colour={weightColour(weight, shownTheme.value)} />}
        name="weight"
      >
        <Num
          path={`${place.path}.weights`}
          index={[0, place.head, place.query, key]}
          value={weight}
          label={label}
        />
        <Rank rank={ranks.weight} />
      </BarCell>
      <BarCell
        bar={<Bar share={most.contribution > 0 ? contribution / most.contribution : 0} />}
        name="contribution"
      >
        <span class="number">{format(contribution)}</span> <Rank rank={ranks.contribution} />
      </BarCell>
      <BarCell bar={<Diverging value={effect} most={most.effect} />} name="effect">
        <span class="number">{signed(effect)}</span> <Rank rank={ranks.effect} />
      </BarCell>
    </tr>
  );
}

function Rank({ rank }: { rank: number }): JSX.Element {
  const words = wordsOf(table);
  return <small class={rank === 1 ? "rank rank-first" : "rank"}>{words.rank(rank)}</small>;
}

/** The edit whose effect the table shows: this weight 0, the rest of its row as it is. */
function tryWithout({ part, layer, head, query }: Place, key: number): void {
  addEdit({ kind: "set_weight", part, layer, head, query, key, value: 0, renormalise: false });
  setState({ view: "what_if", key });
}
