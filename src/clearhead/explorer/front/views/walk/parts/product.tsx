/** One score as a product of two vectors, component by component. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { wordsOf } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import { type Plan, quoted } from "../plan";
import { table } from "../words";
import { Derived, productOf, runningSum } from "./derived";
import { fixed } from "./key_table";
import type { Slice } from "./loaded";
import { Roving } from "./roving";
import { indices } from "./windows";

/** Pixels that a number such as −4.9e−4 needs, and its distance from the next. */
const COLUMN = 62;

/** So many components stand side by side, by the room there is. */
function useColumns(): [(element: HTMLElement | null) => void, number] {
  const [columns, setColumns] = useState(8);
  const element = useRef<HTMLElement | null>(null);
  useLayoutEffect(() => {
    if (!element.current) return;
    const measure = (): void => {
      const room = (element.current?.clientWidth ?? 0) - 84;
      setColumns(room >= 16 * COLUMN ? 16 : room >= 8 * COLUMN ? 8 : 4);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  const hold = (holder: HTMLElement | null): void => {
    element.current = holder;
  };
  return [hold, columns];
}

interface ProductProps {
  plan: Plan;
  query: Slice;
  keys: Slice;
  score: Slice;
  /** So many components have been multiplied and added; all of them where not given. */
  until?: number;
  /** Only the line of components that the last of them is in. */
  near?: boolean;
}

/** The components at hand, and all of them for who asks. */
export function ProductAt(props: ProductProps & { until: number }): JSX.Element {
  const words = wordsOf(table);
  const [open, setOpen] = useState(false);
  return (
    <>
      <Product {...props} near />
      <details
        class="walk-more"
        open={open}
        onToggle={(event) => setOpen(event.currentTarget.open)}
      >
        <summary>{words.allComponents(props.plan.headDim)}</summary>
        {open && <Product {...props} />}
      </details>
    </>
  );
}

export function Product({
  near = false,
  plan,
  query,
  keys,
  score,
  until = plan.headDim,
}: ProductProps): JSX.Element {
  const words = wordsOf(table);
  const [holder, columns] = useColumns();
  const blocks = Array.from({ length: Math.ceil(plan.headDim / columns) }, (_, at) => at * columns);
  const shown = near ? [columns * Math.floor(Math.max(0, until - 1) / columns)] : blocks;
  const sums: number[] = [];
  for (let c = 0; c < plan.headDim; c += 1)
    sums.push(
      (sums[c - 1] ?? 0) +
        query.at(0, plan.head, plan.query, c) * keys.at(0, plan.kvHead, plan.key, c),
    );
  const result = score.at(0, plan.head, plan.query, plan.key);
  const of = words.panels.score.of(quoted(plan.queries[plan.query]), quoted(plan.keys[plan.key]));
  return (
    <div ref={holder} class="walk-product">
      <p class="walk-note">{of}</p>
      <Roving label={`${words.panels.score.title}: ${of}`} class="walk-table">
        {shown.map((start) => (
          <Block
            key={start}
            plan={plan}
            start={start}
            columns={columns}
            query={query}
            keys={keys}
            sums={sums}
            until={until}
          />
        ))}
        <p class="walk-total">
          <span>{words.sum}</span>
          {until < plan.headDim ? (
            <span class="soft">…</span>
          ) : (
            <Num
              path={score.path}
              index={[0, plan.head, plan.query, plan.key]}
              value={result}
              label={words.panels.score.title}
              digits={6}
              class="big"
            />
          )}
        </p>
      </Roving>
    </div>
  );
}

interface BlockProps {
  plan: Plan;
  start: number;
  columns: number;
  query: Slice;
  keys: Slice;
  sums: number[];
  until: number;
}

/** Some components: query, key, product and running sum below one another. */
function Block({ plan, start, columns, query, keys, sums, until }: BlockProps): JSX.Element {
  const components = indices([start, Math.min(start + columns, plan.headDim)]);
  return (
    <table class="walk-block">
      <thead>
        <tr>
          <th scope="row">
            <i>c</i>
          </th>
          {components.map((c) => (
            <th key={c} scope="col" class="number">
              {c}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <FactorRows {...{ plan, components, query, keys, until }} />
        <ResultRows {...{ plan, components, query, keys, sums, until }} />
      </tbody>
    </table>
  );
}

interface RowsProps extends Pick<BlockProps, "plan" | "query" | "keys" | "until"> {
  components: number[];
}

/** How a cell looks while the components are gone through: the one at hand is lit. */
function classAt(c: number, { plan, until }: Pick<RowsProps, "plan" | "until">): string {
  if (c >= until) return "number ahead";
  return c === until - 1 && until < plan.headDim ? "number lit" : "number";
}

function digitsOf(value: number): number {
  return fixed(value, 3);
}

/** The components of the query and of the key. */
function FactorRows({ plan, components, query, keys, until }: RowsProps): JSX.Element {
  const words = wordsOf(table);
  const factors = [
    { symbol: "q", slice: query, row: [0, plan.head, plan.query], label: words.query },
    { symbol: "k", slice: keys, row: [0, plan.kvHead, plan.key], label: words.key },
  ];
  return (
    <>
      {factors.map(({ symbol, slice, row, label }) => (
        <tr key={symbol}>
          <th scope="row">
            {slice === keys && "× "}
            <i>
              {symbol}
              <sub>c</sub>
            </i>
          </th>
          {components.map((c) => (
            <td key={c} class={classAt(c, { plan, until })}>
              <Num
                path={slice.path}
                index={[...row, c]}
                value={slice.at(...row, c)}
                digits={digitsOf(slice.at(...row, c))}
                label={`${label}, ${c}`}
              />
            </td>
          ))}
        </tr>
      ))}
    </>
  );
}

/** Their products, and the sum of the products up to each. */
function ResultRows(props: RowsProps & Pick<BlockProps, "sums">): JSX.Element {
  const { plan, components, query, keys, sums, until } = props;
  const words = wordsOf(table);
  const product = (c: number): number =>
    query.at(0, plan.head, plan.query, c) * keys.at(0, plan.kvHead, plan.key, c);
  const results = [
    { class: "result", name: "product", label: words.product, at: product, derive: productOf },
    {
      class: "running",
      name: "running_sum",
      label: words.running,
      at: (c: number) => sums[c] ?? 0,
      derive: runningSum,
    },
  ];
  return (
    <>
      {results.map(({ class: rowClass, name, label, at, derive }) => (
        <tr key={name} class={rowClass}>
          <th scope="row">{label}</th>
          {components.map((c) => (
            <td key={c} class={classAt(c, { plan, until })}>
              {c >= until ? (
                "·"
              ) : (
                <Derived
                  name={name}
                  plan={plan}
                  index={[0, plan.head, plan.query, plan.key, c]}
                  value={at(c)}
                  digits={digitsOf(at(c))}
                  derivation={derive(plan, c)}
                  label={`${label}, ${c}`}
                />
              )}
            </td>
          ))}
        </tr>
      ))}
    </>
  );
}
