/** The operands of a number: each by symbol, what it is, and its numbers, which can be asked in turn. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { type TokenOf, useTokensOf, VOCABULARY } from "../core/state/token_names";
import { format } from "../core/text/format";
import { wordsOf } from "../core/text/i18n";
import { visible } from "../core/text/pieces";
import { table } from "../core/text/words";
import type { Explanation, OperandNumbers } from "./derive";
import { Num } from "./number";
import { labelText } from "./words";

/** Rows at a time; more come when asked for. */
const ROWS = 1024;

export function Operands({ explanation }: { explanation: Explanation }): JSX.Element {
  const product = productOf(explanation);
  const rest = explanation.operands.filter((operand) => !product?.includes(operand));
  return (
    <div class="operands">
      <dl>
        {explanation.operands.map((operand) => (
          <div key={operand.symbol}>
            <dt>
              <code>{operand.symbol}</code>
            </dt>
            <dd>
              <span>{labelText(operand.label)}</span>
              {operand.slice && <code class="slice">{operand.slice}</code>}
              <Size operand={operand} />
            </dd>
          </div>
        ))}
      </dl>
      {product && <Product pair={product} />}
      {rest
        .filter(({ shape }) => shape.length > 0)
        .map((operand) =>
          isSoftmaxOf(explanation, operand) ? (
            <Softmax key={operand.symbol} row={operand} at={placeIn(explanation)} />
          ) : (
            <Numbers key={operand.symbol} operand={operand} />
          ),
        )}
    </div>
  );
}

function Size({ operand }: { operand: OperandNumbers }): JSX.Element {
  if (!operand.shape.length) return <One operand={operand} place={0} digits={6} />;
  return <span class="soft">{wordsOf(table).numbers(operand.shape.join(" × "))}</span>;
}

function One({
  operand,
  place,
  digits,
}: {
  operand: OperandNumbers;
  place: number;
  digits?: number;
}): JSX.Element {
  const value = operand.numbers[place] ?? null;
  const element = operand.element(place);
  if (!element) return <span class="number">{format(value, digits)}</span>;
  const label = operand.shape.length ? `${operand.symbol}[${place}]` : operand.symbol;
  return <Num {...element} value={value} digits={digits} label={label} />;
}

/** The two vectors of a dot product, if the expression has one. */
function productOf({ derivation, operands }: Explanation): [OperandNumbers, OperandNumbers] | null {
  const [, one, other] = /(\w+) @ (\w+)/.exec(derivation?.expression ?? "") ?? [];
  const a = operands.find(({ symbol }) => symbol === one);
  const b = operands.find(({ symbol }) => symbol === other);
  return a && b && a.shape.length === 1 && b.shape.length === 1 && a.shape[0] === b.shape[0]
    ? [a, b]
    : null;
}

function Product({ pair: [a, b] }: { pair: [OperandNumbers, OperandNumbers] }): JSX.Element {
  const words = wordsOf(table);
  const size = a.numbers.length;
  let sum = 0;
  const sums = Array.from(a.numbers, (number, place) => (sum += number * (b.numbers[place] ?? 0)));
  return (
    <Fold title={words.allTerms(size)} open={size <= 8}>
      {() => (
        <Sheet
          size={size}
          heads={[words.index, a.symbol, b.symbol, `${a.symbol} · ${b.symbol}`, words.runningSum]}
          axes={a.axes?.names[0] ? a.axes : b.axes}
          total
        >
          {(place) => (
            <>
              <td>
                <One operand={a} place={place} />
              </td>
              <td>
                <One operand={b} place={place} />
              </td>
              <td class="number">{format((a.numbers[place] ?? 0) * (b.numbers[place] ?? 0))}</td>
              <td class="number">{format(sums[place] ?? 0)}</td>
            </>
          )}
        </Sheet>
      )}
    </Fold>
  );
}

function isSoftmaxOf({ derivation }: Explanation, { symbol, shape }: OperandNumbers): boolean {
  return (
    shape.length === 1 &&
    Boolean(derivation?.expression?.includes(`np.exp(${symbol} - ${symbol}.max()).sum()`))
  );
}

/** Which entry of the row is the explained number's: the last index of it, unless an operand says. */
function placeIn({ derivation, operands, index }: Explanation): number {
  const [, symbol] = /\.max\(\)\)\[(\w+)\]/.exec(derivation?.expression ?? "") ?? [];
  const place = operands.find((operand) => operand.symbol === symbol)?.numbers[0];
  return place ?? index[index.length - 1] ?? 0;
}

/** A row through a softmax: each number less the largest, its exponential, and its share of the sum. */
function Softmax({ row, at }: { row: OperandNumbers; at: number }): JSX.Element {
  const words = wordsOf(table);
  const size = row.numbers.length;
  const largest = row.numbers.reduce((most, number) => Math.max(most, number), -Infinity);
  const exponentials = row.numbers.map((number) => Math.exp(number - largest));
  const sum = exponentials.reduce((total, number) => total + number, 0);
  const { symbol } = row;
  // Of a vocabulary the likeliest first.
  const order =
    row.axes?.names[0] === VOCABULARY
      ? Array.from(row.numbers.keys()).sort(
          (a, b) => (row.numbers[b] ?? -Infinity) - (row.numbers[a] ?? -Infinity),
        )
      : undefined;
  const heads = [words.index, symbol, `${symbol} − max`, `exp(${symbol} − max)`, words.share];
  return (
    <Fold
      title={`${words.allTerms(size)}: max ${format(largest)}, ${words.sum} ${format(sum)}`}
      open={size <= 24}
    >
      {() => (
        <Sheet size={size} heads={heads} axes={row.axes} order={order} selected={at}>
          {(place) => (
            <>
              <td>
                <One operand={row} place={place} />
              </td>
              <td class="number">{format((row.numbers[place] ?? 0) - largest)}</td>
              <td class="number">{format(exponentials[place] ?? 0)}</td>
              <td class="number">{format((exponentials[place] ?? 0) / sum)}</td>
            </>
          )}
        </Sheet>
      )}
    </Fold>
  );
}

function Numbers({ operand }: { operand: OperandNumbers }): JSX.Element {
  const words = wordsOf(table);
  const size = operand.numbers.length;
  return (
    <Fold title={`${operand.symbol}: ${words.allNumbers(size)}`} open={size <= 12}>
      {() => (
        <Sheet
          size={size}
          heads={[words.index, operand.symbol]}
          axes={operand.axes}
          columns={operand.shape.length < 2 ? undefined : operand.shape[operand.shape.length - 1]}
        >
          {(place) => (
            <td>
              <One operand={operand} place={place} />
            </td>
          )}
        </Sheet>
      )}
    </Fold>
  );
}

/** Folded, and drawn only when opened: a product of 1,024 terms has 2,048 buttons. */
function Fold({
  title,
  open,
  children,
}: {
  title: string;
  open: boolean;
  children: () => JSX.Element;
}): JSX.Element {
  const isOpen = useSignal(open);
  return (
    <details open={isOpen.value} onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen.value && children()}
    </details>
  );
}

interface SheetProps {
  size: number;
  heads: string[];
  /** What the rows are places of, to name their tokens. */
  axes?: OperandNumbers["axes"];
  /** The places in the order of the rows; else as they come. */
  order?: number[];
  /** Of numbers with two axes, the length of the second. */
  columns?: number;
  /** The row that the explained number stands in. */
  selected?: number;
  /** Whether the last cell of the last row is the result. */
  total?: boolean;
  children: (place: number) => ComponentChildren;
}

function Sheet({
  size,
  heads,
  axes,
  order,
  columns,
  selected,
  total,
  children,
}: SheetProps): JSX.Element {
  const words = wordsOf(table);
  const most = useSignal(ROWS);
  const shown = Math.min(size, most.value);
  const axis = axes?.names[0] ?? "";
  const places = (order ?? Array.from({ length: size }, (_, place) => place)).slice(0, shown);
  const tokenOf = useTokensOf(axes?.path ?? "", axis, places);
  return (
    <div class="sheet" tabIndex={0} role="group" aria-label={heads.join(", ")}>
      <table class={total ? "total" : undefined}>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {places.map((place) => (
            <tr key={place} class={place === selected ? "chosen" : undefined}>
              <th scope="row">
                <RowName place={place} columns={columns} tokenOf={tokenOf} />
              </th>
              {children(place)}
            </tr>
          ))}
        </tbody>
      </table>
      {size > most.value && (
        <button type="button" onClick={() => (most.value += ROWS)}>
          {words.moreRows(most.value, size)}
        </button>
      )}
    </div>
  );
}

/** The place of a row, and the token that stands there. */
function RowName({
  place,
  columns,
  tokenOf,
}: {
  place: number;
  columns?: number;
  tokenOf: TokenOf;
}): JSX.Element {
  const first = columns ? Math.floor(place / columns) : place;
  const token = tokenOf(first);
  return (
    <>
      {columns ? `${first}, ${place % columns}` : place}
      {token && <span class="row-token"> {visible(token.piece)}</span>}
    </>
  );
}
