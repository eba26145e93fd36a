/** The gradients of the chosen head's part of each weight matrix. */

import type { JSX } from "preact";
import type { Window } from "../../core/protocol";
import { stepAt } from "../../core/state/state";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { scoreMax } from "../../draw/colours";
import { Picture } from "../../draw/matrix/picture";
import { Num } from "../../where_from/number";
import { Section } from "../shared/parts";
import type { Place } from "./head";
import { lengthOf, type Needs, Numbers } from "./numbers";
import { table } from "./words";

const MATRICES = ["query", "key", "value", "output"] as const;
type Name = (typeof MATRICES)[number];
/** So many of the largest numbers. */
const LARGEST = 3;

/** The part of a matrix that belongs to a head: rows of a projection, columns of the output. */
function partOf({ of, head }: Place, name: Name): { window: Window; heads: number } {
  const [rows = 0, columns = 0] = stepAt(`${of.path}.${name}.d_weight`)?.shape ?? [];
  const step = stepAt(`${of.path}.${name === "output" ? "value" : name}`)?.shape ?? [];
  const width = step[3] ?? 1;
  if (name === "output")
    return {
      window: [
        [0, rows],
        [head * width, (head + 1) * width],
      ],
      heads: 1,
    };
  // A head of keys and values may serve several of queries.
  const heads = of.heads / (step[1] ?? of.heads);
  const first = Math.floor(head / heads) * width;
  return {
    window: [
      [first, first + width],
      [0, columns],
    ],
    heads,
  };
}

export function Matrices({ place }: { place: Place }): JSX.Element {
  const words = wordsOf(table);
  const parts = Object.fromEntries(MATRICES.map((name) => [name, partOf(place, name)]));
  const needs: Needs = {};
  for (const name of MATRICES)
    needs[name] = [`${place.of.path}.${name}.d_weight`, parts[name]!.window];
  return (
    <Section title={words.matricesTitle} id="gradients-matrices">
      <p class="note">{words.matricesIntro}</p>
      <Numbers name="matrices" needs={needs}>
        {(arrays) => (
          <div class="gradients-parts">
            {MATRICES.map((name) => (
              <Part
                key={name}
                name={name}
                path={arrays[name]!.path}
                window={arrays[name]!.window}
                heads={parts[name]!.heads}
                values={Array.from(arrays[name]!.data, Number)}
              />
            ))}
          </div>
        )}
      </Numbers>
    </Section>
  );
}

interface PartProps {
  name: Name;
  path: string;
  window: Window;
  heads: number;
  values: number[];
}

function Part({ name, path, window, heads, values }: PartProps): JSX.Element {
  const words = wordsOf(table);
  const [[top, bottom], [left, right]] = window as [[number, number], [number, number]];
  const [rows, columns] = [bottom - top, right - left];
  const largest = Array.from(values.keys())
    .sort((one, other) => Math.abs(values[other] ?? 0) - Math.abs(values[one] ?? 0))
    .slice(0, LARGEST);
  const data = { kind: "score" as const, values, rows, columns, max: scoreMax(values) };
  const title = words.matrices[name];
  return (
    <figure class="gradients-part" data-matrix={name}>
      <Picture data={data} side={256} label={words.picture(title)} />
      <figcaption>
        <h3>
          dW <small>{title}</small>
        </h3>
        <dl>
          <dt>{words.matrix}</dt>
          <dd>
            {words.size(rows, columns)}
            {heads > 1 && <small> {words.shared(heads)}</small>}
          </dd>
          <dt>{words.lengthOf}</dt>
          <dd class="number">{format(lengthOf(values))}</dd>
          <dt>{words.largest}</dt>
          {largest.map((place) => {
            const index = [top + Math.floor(place / columns), left + (place % columns)];
            return (
              <dd key={place}>
                <Num
                  path={path}
                  index={index}
                  value={values[place] ?? 0}
                  label={`${title}, ${words.entry(index[0]!, index[1]!)}`}
                />{" "}
                <small>{words.entry(index[0]!, index[1]!)}</small>
              </dd>
            );
          })}
        </dl>
      </figcaption>
    </figure>
  );
}
