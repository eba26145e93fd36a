/** One score in motion: component by component, the products and their sum so far. */

import type { JSX } from "preact";
import { wordsOf } from "../../../core/text/i18n";
import { scoreColour } from "../../../draw/colours";
import { shownTheme } from "../../../draw/theme";
import { said } from "../parts/key_table";
import type { Slice } from "../parts/loaded";
import { ProductAt } from "../parts/product";
import type { Plan } from "../plan";
import { Caption } from "./caption";
import { moment, useMotion } from "./motion";
import { table } from "./words";

/** A score of 64 components takes about ten seconds. */
const [WHOLE, LEAST, MOST] = [10_000, 60, 600];

export interface ScoreProps {
  plan: Plan;
  query: Slice;
  keys: Slice;
  score: Slice;
}

export function ScoreInMotion(props: ScoreProps): JSX.Element {
  const { plan, query, keys, score } = props;
  const words = wordsOf(table);
  const components = Array.from({ length: plan.headDim }, (_, c) => c);
  const q = components.map((c) => query.at(0, plan.head, plan.query, c));
  const k = components.map((c) => keys.at(0, plan.kvHead, plan.key, c));
  const products = components.map((c) => q[c]! * k[c]!);
  let total = 0;
  const sums = products.map((product) => {
    total += product;
    return total;
  });
  const result = score.at(0, plan.head, plan.query, plan.key);
  const count = plan.headDim;
  useMotion({
    count,
    milliseconds: Math.max(LEAST, Math.min(MOST, WHOLE / count)),
    caption: (at) => {
      const c = at - 1;
      if (c < 0) return words.score.first(count);
      const text = [q[c]!, k[c]!, products[c]!, sums[c]!].map((value) => said(value));
      const one = words.score.one(text[0]!, text[1]!, text[2]!, c, text[3]!);
      return at === count ? words.score.last(count, said(result)) : one;
    },
  });
  const at = moment.value;
  return (
    <>
      <Caption />
      <SumPicture products={products} sums={sums} until={at} />
      <ProductAt {...props} until={at} />
    </>
  );
}

const [WIDTH, HEIGHT] = [640, 150];

/** Products as bars up and down, and the sum so far as a line: no words are in the picture. */
function SumPicture({
  products,
  sums,
  until,
}: {
  products: number[];
  sums: number[];
  until: number;
}): JSX.Element {
  const words = wordsOf(table);
  const highest = Math.max(0, ...products, ...sums);
  const lowest = Math.min(0, ...products, ...sums);
  const y = (value: number): number =>
    8 + ((highest - value) / (highest - lowest || 1)) * (HEIGHT - 16);
  const step = WIDTH / products.length;
  const most = Math.max(...products.map(Math.abs));
  const line = sums.slice(0, until).map((sum, c) => `${(c + 0.5) * step},${y(sum)}`);
  const [last] = line.slice(-1);
  return (
    <figure class="flow-sum">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words.score.picture}
      >
        <line class="flow-zero" x1={0} x2={WIDTH} y1={y(0)} y2={y(0)} />
        {products.map((product, c) => (
          <rect
            key={c}
            class={c < until ? "flow-product" : "flow-product ahead"}
            x={c * step + step * 0.12}
            width={step * 0.76}
            y={y(Math.max(0, product))}
            height={Math.max(1, Math.abs(y(product) - y(0)))}
            fill={scoreColour(product, most, shownTheme.value)}
          />
        ))}
        {line.length > 1 && <polyline class="flow-line" points={line.join(" ")} />}
        {last && <path class="flow-dot" d={`M ${last} h 0`} />}
      </svg>
      <figcaption>
        <span class="flow-key bars">{words.score.bars}</span>
        <span class="flow-key line">{words.score.line}</span>
      </figcaption>
    </figure>
  );
}
