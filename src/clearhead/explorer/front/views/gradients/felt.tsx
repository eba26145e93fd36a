/** How long the gradient is at the embedding of each token that is read. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Derivation, Run, Token } from "../../core/protocol";
import { stepAt } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import { Num } from "../../where_from/number";
import { Pager, page } from "../shared/pager";
import { Bar, BarCell, Piece, Section } from "../shared/parts";
import { lengthOf, type Needs, Numbers } from "./numbers";
import { table } from "./words";

type Side = "source" | "target";
const STACKS: Record<Side, string> = { source: "encoder", target: "decoder" };

function pathOf(side: Side): string {
  return `${STACKS[side]}.d_embedding`;
}

export function Felt({ answer }: { answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const tokens = { source: answer.source, target: answer.decoder_input };
  const sides = (["source", "target"] as const).filter((side) => tokens[side].length);
  const needs: Needs = {};
  for (const side of sides)
    needs[side] = [pathOf(side), (stepAt(pathOf(side))?.shape ?? []).map((size) => [0, size])];
  return (
    <Section title={words.feltTitle} id="gradients-felt">
      <p class="note">{words.feltIntro}</p>
      <Numbers key={sides.join()} name="felt" needs={needs}>
        {(arrays) => {
          const lengths = sides.map((side) => {
            const { data, shape } = arrays[side]!;
            const width = shape[2] ?? 1;
            return tokens[side].map((_, place) =>
              lengthOf(Array.from(data.slice(place * width, (place + 1) * width), Number)),
            );
          });
          const most = Math.max(...lengths.flat(), 1e-300);
          return (
            <div class="gradients-sides">
              {sides.map((side, at) => (
                <Lengths
                  key={side}
                  side={side}
                  tokens={tokens[side]}
                  lengths={lengths[at] ?? []}
                  most={most}
                />
              ))}
            </div>
          );
        }}
      </Numbers>
    </Section>
  );
}

interface LengthsProps {
  side: Side;
  tokens: Token[];
  lengths: number[];
  most: number;
}

function Lengths({ side, tokens, lengths, most }: LengthsProps): JSX.Element {
  const words = wordsOf(table);
  const name = side === "source" ? words.source : words.target;
  const start = useSignal(0);
  const window = page(Math.min(start.value, tokens.length - 1), tokens.length);
  const places = Array.from({ length: window.stop - window.start }, (_, at) => window.start + at);
  return (
    <div class="table-scroll">
      <Pager window={window} name={name} move={(to) => (start.value = to)} />
      <table class="numbers gradients-lengths" data-side={side}>
        <thead>
          <tr>
            <th scope="col">{name}</th>
            <th scope="col">{words.length}</th>
          </tr>
        </thead>
        <tbody>
          {places.map((place) => (
            <tr key={place} class={lengths[place] === most ? "chosen" : undefined}>
              <th scope="row">
                <Piece token={tokens[place]!} special={words.special} />
              </th>
              <BarCell bar={<Bar share={(lengths[place] ?? 0) / most} />} name="length">
                <Num
                  path={`${pathOf(side)}.length`}
                  index={[0, place]}
                  value={lengths[place] ?? null}
                  derivation={lengthDerivation(side, place)}
                  label={`${tokens[place]?.piece}: ${words.length}`}
                />
              </BarCell>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function lengthDerivation(side: Side, place: number): Derivation {
  const index = [0, place, ":" as const];
  return {
    expression: "np.sqrt((d ** 2).sum())",
    operands: [{ symbol: "d", label: { key: "componentsOfGradient" }, path: pathOf(side), index }],
  };
}
