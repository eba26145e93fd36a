/** What is there of the gradient between the layers, from the loss back to the embeddings. */

import type { JSX } from "preact";
import type { Windowed } from "../../core/state/arrays";
import { stepAt } from "../../core/state/state";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { Num } from "../../where_from/number";
import { Bar, BarCell, Section } from "../shared/parts";
import { lengthOf, type Needs, Numbers } from "./numbers";
import { table } from "./words";

type Stack = "decoder" | "encoder";

interface Station {
  stack: Stack;
  path: string;
  /** The layer that reads this; null for what the stack gives. */
  layer: number | null;
}

/** In the order of the way back. */
function stations(): Station[] {
  const all: Station[] = [];
  for (const stack of ["decoder", "encoder"] as const) {
    const paths = [`${stack}.d_output`];
    while (stepAt(layerPath(stack, paths.length - 1)))
      paths.push(layerPath(stack, paths.length - 1));
    const [output = "", ...layers] = paths;
    if (stepAt(output)) all.push({ stack, path: output, layer: null });
    all.push(...layers.map((path, layer): Station => ({ stack, path, layer })).reverse());
  }
  return all;
}

function layerPath(stack: Stack, layer: number): string {
  return `${stack}.layers.${layer}.d_input`;
}

export function Way(): JSX.Element {
  const words = wordsOf(table);
  const all = stations();
  const needs: Needs = {};
  for (const { path } of all)
    needs[path] = [path, (stepAt(path)?.shape ?? []).map((size) => [0, size])];
  const stacks = (["decoder", "encoder"] as const).filter((stack) =>
    all.some((station) => station.stack === stack),
  );
  return (
    <Section title={words.wayTitle} id="gradients-way">
      <p class="note">{words.wayIntro}</p>
      <Numbers key={all.length} name="way" needs={needs}>
        {(arrays) => {
          const lengths = new Map(
            all.map(({ path }) => [path, lengthOf(Array.from(arrays[path]!.data, Number))]),
          );
          const most = Math.max(...lengths.values(), 1e-300);
          return (
            <div class="gradients-sides">
              {stacks.map((stack) => (
                <Stations
                  key={stack}
                  stack={stack}
                  stations={all.filter((station) => station.stack === stack)}
                  arrays={arrays}
                  lengths={lengths}
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

interface StationsProps {
  stack: Stack;
  stations: Station[];
  arrays: Record<string, Windowed>;
  lengths: Map<string, number>;
  most: number;
}

function Stations({ stack, stations, arrays, lengths, most }: StationsProps): JSX.Element {
  const words = wordsOf(table);
  return (
    <div class="table-scroll">
      <table class="numbers many-bars gradients-way" data-stack={stack}>
        <thead>
          <tr>
            <th scope="col">{stack === "decoder" ? words.decoder : words.encoder}</th>
            <th scope="col">{words.length}</th>
            <th scope="col" class="figure">
              {words.largestNumber}
            </th>
          </tr>
        </thead>
        <tbody>
          {stations.map(({ path, layer }) => (
            <tr key={path}>
              <th scope="row">{layer === null ? words.atItsEnd : words.readByLayer(layer)}</th>
              <BarCell bar={<Bar share={(lengths.get(path) ?? 0) / most} />} name="length">
                {format(lengths.get(path) ?? null)}
              </BarCell>
              <td class="figure">
                <Largest array={arrays[path]!} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The number farthest from 0, which says where it comes from. */
function Largest({ array: { path, data, shape } }: { array: Windowed }): JSX.Element {
  const numbers = Array.from(data, Number);
  let place = 0;
  numbers.forEach((number, at) => {
    if (Math.abs(number) > Math.abs(numbers[place] ?? 0)) place = at;
  });
  const width = shape[2] ?? 1;
  const index = [0, Math.floor(place / width), place % width];
  return <Num path={path} index={index} value={numbers[place] ?? null} />;
}
