/** The panel "where from?": the formula of one number, with these operands, and back from there. */

import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { messageOf } from "../core/state/error_message";
import { upToDate } from "../core/state/running";
import { run, state, stepAt } from "../core/state/state";
import { exact, format } from "../core/text/format";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import { type Asked, type Explained, explain, WEIGHTS } from "./derive";
import { Operands } from "./operands";
import { Python } from "./python";
import { closeWhere, goBackTo, makeRoom, settle, side, trail } from "./trail";

export function WhereFrom(): JSX.Element | null {
  const open = trail.value.length > 0;
  useEffect(() => {
    if (!open) return;
    const listen = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !event.defaultPrevented) closeWhere();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [open]);
  return open ? <Panel /> : null;
}

/** The panel does not outlive what it was asked in: numbers of another question, or of a view that
 * was left, are no longer those on the page. Returns what ends it. */
export function followView(): () => void {
  let last: unknown[] = [];
  return effect(() => {
    const now = [run.value, state.view.value, upToDate.value];
    const elsewhere = now.some((one, place) => one !== last[place]);
    last = now;
    if (elsewhere && trail.peek().length) trail.value = [];
  });
}

function Panel(): JSX.Element {
  const words = wordsOf(table);
  const heading = useRef<HTMLHeadingElement>(null);
  const asked = trail.value[trail.value.length - 1] as Asked;
  const found = useExplained(asked);
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [asked]);
  useEffect(() => {
    if (panel.current) makeRoom(panel.current);
  }, [asked, found]);
  useEffect(() => (panel.current ? settle(panel.current) : undefined), []);
  return (
    <div
      class="where"
      role="dialog"
      ref={panel}
      aria-modal="false"
      aria-labelledby="where-heading"
      data-side={side.value}
    >
      <div class="where-head">
        <h2 id="where-heading" ref={heading} tabIndex={-1}>
          {words.whereFrom}
        </h2>
        <button
          type="button"
          class="close"
          aria-label={words.close}
          title={words.close}
          onClick={closeWhere}
        >
          ×
        </button>
      </div>
      <Trail />
      <div class="where-body" aria-busy={found === null}>
        <Subject asked={asked} value={found instanceof Error ? null : (found?.value ?? null)} />
        {found === null && <p class="soft">{words.waiting}</p>}
        {found instanceof Error && <p role="alert">{messageOf(found)}</p>}
        {found && !(found instanceof Error) && <Explanation found={found} />}
      </div>
    </div>
  );
}

/** Null until the numbers are there. */
function useExplained(asked: Asked): Explained | Error | null {
  const found = useSignal<{ of: Asked; result: Explained | Error } | null>(null);
  useEffect(() => {
    let wanted = true;
    const take = (result: Explained | Error): void => {
      if (wanted) found.value = { of: asked, result };
    };
    explain(asked).then(take, take);
    return () => {
      wanted = false;
    };
  }, [asked]);
  const latest = found.value;
  return latest?.of === asked ? latest.result : null;
}

function Trail(): JSX.Element | null {
  const words = wordsOf(table);
  const all = trail.value;
  if (all.length < 2) return null;
  return (
    <nav class="trail" aria-label={words.trail}>
      <ol>
        {all.map((asked, place) => (
          <li key={place}>
            <button
              type="button"
              class="link"
              title={elementName(asked)}
              aria-current={place === all.length - 1 ? "step" : undefined}
              onClick={() => goBackTo(place)}
            >
              {shortName(asked.path)} <span class="number">{format(asked.value)}</span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

function Subject({ asked, value }: { asked: Asked; value: number | null }): JSX.Element {
  const words = wordsOf(table);
  const step = asked.derivation ? undefined : stepAt(asked.path);
  return (
    <div class="subject">
      <p class="value number">{format(value ?? asked.value)}</p>
      <p class="soft">
        {words.exact} <span class="number">{exact(value ?? asked.value)}</span>
      </p>
      {!asked.derivation && (
        <p class="path">
          <code>{elementName(asked)}</code>
        </p>
      )}
      {step && step.axes.length === asked.index.length && (
        <p class="axes soft">
          {step.axes.map((axis, place) => `${axis} ${asked.index[place]}`).join(" · ")}
        </p>
      )}
    </div>
  );
}

function Explanation({ found }: { found: Explained }): JSX.Element {
  const words = wordsOf(table);
  const { derivation, step, path } = found;
  if (path.startsWith(WEIGHTS) && !derivation) return <p>{words.givenNumber}</p>;
  if (!derivation?.operands.length)
    return (
      <p>{derivation?.when && "replaced" in derivation.when ? words.setByYou : words.noFormula}</p>
    );
  return (
    <>
      <div class="formula">
        {step?.formula && <p class="named">{inPrint(step.formula)}</p>}
        <p>
          <code>
            {step ? `${shortName(path)} = ` : ""}
            {derivation.expression}
          </code>
        </p>
        {substituted(found) !== derivation.expression && (
          <p>
            <code>
              = {substituted(found)} = {format(found.value)}
            </code>
          </p>
        )}
      </div>
      <Operands found={found} />
      <Python found={found} />
    </>
  );
}

/** The expression with its single numbers in place of their symbols. */
function substituted({ derivation, operands }: Explained): string {
  let text = derivation?.expression ?? "";
  for (const { symbol, shape, numbers } of operands)
    if (!shape.length) {
      const number = format(numbers[0] ?? null);
      text = text.replace(
        new RegExp(`(?<![\\w.])${symbol}(?!\\w)`, "g"),
        number.startsWith("−") ? `(${number})` : number,
      );
    }
  return text;
}

/** A step's formula as one would print it: Q Kᵀ for Q K^T. */
function inPrint(formula: string): string {
  return formula
    .replaceAll("^T", "ᵀ")
    .replaceAll("^2", "²")
    .replaceAll("sqrt(", "√(")
    .replaceAll("-inf", "−∞");
}

export function shortName(path: string): string {
  return path
    .split(/[./]/)
    .slice(path.startsWith(WEIGHTS) ? -2 : -1)
    .join(".");
}

function elementName({ path, index }: Asked): string {
  return `${path}[${index.join(", ")}]`;
}
