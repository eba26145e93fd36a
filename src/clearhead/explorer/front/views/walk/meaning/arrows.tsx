/** A query and a key as two arrows, in the plane that holds both: with their true lengths and their
 * true angle, from which the score follows. The other keys stand in it at their own angles. */

import type { JSX } from "preact";
import { wordsOf } from "../../../core/text/i18n";
import { Num } from "../../../where_from/number";
import type { ScoreProps } from "../flow/score";
import { Derived, geometryOf } from "../parts/derived";
import { Loaded } from "../parts/loaded";
import { indices, rangeOf } from "../parts/windows";
import { headRows, type Plan, quoted } from "../plan";
import { frameOf, onPicture, type Pair, type Point, pairOf, tip } from "./geometry";
import { table } from "./words";
import "./meaning.css";

const [WIDTH, HEIGHT, MARGIN] = [420, 300, 26];

export function Arrows({ plan, query, keys, score }: ScoreProps): JSX.Element {
  const words = wordsOf(table);
  const components = Array.from({ length: plan.headDim }, (_, c) => c);
  const q = components.map((c) => query.at(0, plan.head, plan.query, c));
  const k = components.map((c) => keys.at(0, plan.kvHead, plan.key, c));
  const pair = pairOf(q, k);
  const names = [quoted(plan.queries[plan.query]), quoted(plan.keys[plan.key])] as const;
  return (
    <section class="meaning" aria-labelledby="walk-arrows">
      <h3 id="walk-arrows">{words.arrows.title}</h3>
      {Number.isNaN(pair.cosine) ? (
        <p>{words.arrows.noLength}</p>
      ) : (
        <>
          <p class="walk-sentence">{words.arrows.sentence}</p>
          <div class="meaning-arrows">
            <OtherKeys plan={plan} query={q}>
              {(others) => <Plane pair={pair} others={others} names={names} />}
            </OtherKeys>
            <Facts plan={plan} pair={pair} score={score} names={names} />
          </div>
        </>
      )}
    </section>
  );
}

/** Lengths and angles to the query of the keys in sight, but for the chosen one. */
function OtherKeys({
  plan,
  query,
  children,
}: {
  plan: Plan;
  query: number[];
  children: (others: Pair[]) => JSX.Element;
}): JSX.Element {
  const keys = rangeOf(plan, "key");
  const path = `${plan.path}.key`;
  const window = headRows(plan.kvHead, keys, [0, plan.headDim]);
  return (
    <Loaded panel="score-arrows" needs={{ keys: [path, window] }}>
      {({ keys: rows }) => {
        const [start, stop] = rows.array.window[2]!;
        const head = rows.array.window[1]![0];
        const others = indices([start, stop])
          .filter((key) => key !== plan.key)
          .map((key) =>
            pairOf(
              query,
              query.map((_, c) => rows.at(0, head, key, c)),
            ),
          )
          .filter(({ cosine }) => !Number.isNaN(cosine));
        return children(others);
      }}
    </Loaded>
  );
}

function Plane({
  pair,
  others,
  names,
}: {
  pair: Pair;
  others: Pair[];
  names: readonly [string, string];
}): JSX.Element {
  const words = wordsOf(table);
  const tips = {
    query: tip(pair.query, 0),
    key: tip(pair.key, pair.angle),
    others: others.map((other) => tip(other.key, other.angle)),
    foot: [pair.key * pair.cosine, 0] as Point,
  };
  const frame = frameOf([tips.query, tips.key, ...tips.others, tips.foot], WIDTH, HEIGHT, MARGIN);
  const place = (point: Point): Point => onPicture(point, frame);
  const [x, y] = place([0, 0]);
  const radius = Math.min(46, 0.4 * frame.unit * Math.min(pair.query, pair.key));
  const [arcX, arcY] = [
    x + radius * Math.cos((pair.angle * Math.PI) / 180),
    y - radius * Math.sin((pair.angle * Math.PI) / 180),
  ];
  const [foot, top] = [place(tips.foot), place(tips.key)];
  return (
    <svg
      class="meaning-plane"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={words.arrows.picture(names[0], names[1], Math.round(pair.angle))}
    >
      {tips.others.map((other, at) => (
        <Arrow key={at} from={[x, y]} to={place(other)} kind="other" />
      ))}
      <line class="meaning-foot" x1={top[0]} y1={top[1]} x2={foot[0]} y2={foot[1]} />
      <line class="meaning-shadow" x1={x} y1={y} x2={foot[0]} y2={foot[1]} />
      <path
        class="meaning-arc"
        d={`M ${x + radius} ${y} A ${radius} ${radius} 0 0 0 ${arcX} ${arcY}`}
      />
      <Arrow from={[x, y]} to={place(tips.query)} kind="query" />
      <Arrow from={[x, y]} to={place(tips.key)} kind="key" />
    </svg>
  );
}

/** A line with a head, which is left out where the arrow is shorter than its head. */
function Arrow({ from, to, kind }: { from: Point; to: Point; kind: string }): JSX.Element {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy);
  const size = kind === "other" ? 7 : 13;
  const [ux, uy] = length > 0 ? [dx / length, dy / length] : [0, 0];
  const [bx, by] = [to[0] - size * ux, to[1] - size * uy];
  const half = size * 0.42;
  return (
    <g class={`meaning-arrow ${kind}`}>
      <line
        x1={from[0]}
        y1={from[1]}
        x2={length > size ? bx : to[0]}
        y2={length > size ? by : to[1]}
      />
      {length > size && (
        <polygon
          points={`${to[0]},${to[1]} ${bx - half * uy},${by + half * ux} ${bx + half * uy},${by - half * ux}`}
        />
      )}
    </g>
  );
}

/** The numbers of the picture, and the score that follows from them. */
function Facts({
  plan,
  pair,
  score,
  names,
}: {
  plan: Plan;
  pair: Pair;
  score: ScoreProps["score"];
  names: readonly [string, string];
}): JSX.Element {
  const words = wordsOf(table);
  const index = [0, plan.head, plan.query, plan.key];
  const fact = (
    name: "query_length" | "key_length" | "cosine" | "angle",
    value: number,
    label: string,
  ): JSX.Element => (
    <Derived
      name={name}
      plan={plan}
      index={index}
      value={value}
      digits={4}
      derivation={geometryOf(plan, GEOMETRY[name])}
      label={label}
    />
  );
  const { lengthOf, angle, cosine } = words.arrows;
  return (
    <div class="meaning-facts">
      <dl>
        <dt class="query">{lengthOf(names[0])}</dt>
        <dd>{fact("query_length", pair.query, lengthOf(names[0]))}</dd>
        <dt class="key">{lengthOf(names[1])}</dt>
        <dd>{fact("key_length", pair.key, lengthOf(names[1]))}</dd>
        <dt>{angle}</dt>
        <dd>{fact("angle", pair.angle, angle)}°</dd>
        <dt>{cosine}</dt>
        <dd>{fact("cosine", pair.cosine, cosine)}</dd>
        <dt class="product">{words.arrows.product}</dt>
        <dd>
          <Num
            path={score.path}
            index={index}
            value={score.at(...index)}
            digits={4}
            label={words.arrows.product}
          />
        </dd>
      </dl>
      <p class="walk-note">{words.arrows.others}</p>
    </div>
  );
}

const GEOMETRY = {
  query_length: "query",
  key_length: "key",
  cosine: "cosine",
  angle: "angle",
} as const;
