/** The panel "where from?": the formula of one number, with these operands, and back from there. */

import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { messageOf } from "../core/state/error_message";
import { upToDate } from "../core/state/running";
import { backward, run, state, stepAt } from "../core/state/state";
import { exact, format } from "../core/text/format";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import { type Explanation, explain, type NumberOnPage, WEIGHTS } from "./derive";
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
    const now = [run.value, state.view.value, upToDate.value, backward.value];
    const isOutdated = now.some((one, place) => one !== last[place]);
    last = now;
    if (isOutdated && trail.peek().length) trail.value = [];
  });
}

function Panel(): JSX.Element {
  const words = wordsOf(table);
  const heading = useRef<HTMLHeadingElement>(null);
  const number = trail.value[trail.value.length - 1] as NumberOnPage;
  const explanation = useExplanation(number);
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [number]);
  useEffect(() => {
    if (panel.current) makeRoom(panel.current);
  }, [number, explanation]);
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
      <div class="where-body" aria-busy={explanation === null}>
        <Subject
          number={number}
          value={explanation instanceof Error ? null : (explanation?.value ?? null)}
        />
        {explanation === null && <p class="soft">{words.waiting}</p>}
        {explanation instanceof Error && <p role="alert">{messageOf(explanation)}</p>}
        {explanation && !(explanation instanceof Error) && (
          <FormulaAndOperands explanation={explanation} />
        )}
      </div>
    </div>
  );
}

/** Null until the numbers are there. */
function useExplanation(number: NumberOnPage): Explanation | Error | null {
  const answer = useSignal<{ of: NumberOnPage; result: Explanation | Error } | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const take = (result: Explanation | Error): void => {
      if (isCurrent) answer.value = { of: number, result };
    };
    explain(number).then(take, take);
    return () => {
      isCurrent = false;
    };
  }, [number]);
  const latest = answer.value;
  return latest?.of === number ? latest.result : null;
}

function Trail(): JSX.Element | null {
  const words = wordsOf(table);
  const all = trail.value;
  if (all.length < 2) return null;
  return (
    <nav class="trail" aria-label={words.trail}>
      <ol>
        {all.map((number, place) => (
          <li key={place}>
            <button
              type="button"
              class="link"
              title={elementName(number)}
              aria-current={place === all.length - 1 ? "step" : undefined}
              onClick={() => goBackTo(place)}
            >
              {shortName(number.path)} <span class="number">{format(number.value)}</span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

function Subject({ number, value }: { number: NumberOnPage; value: number | null }): JSX.Element {
  const words = wordsOf(table);
  const step = number.derivation ? undefined : stepAt(number.path);
  return (
    <div class="subject">
      <p class="value number">{format(value ?? number.value)}</p>
      <p class="soft">
        {words.exact} <span class="number">{exact(value ?? number.value)}</span>
      </p>
      {!number.derivation && (
        <p class="path">
          <code>{elementName(number)}</code>
        </p>
      )}
      {step && step.axes.length === number.index.length && (
        <p class="axes soft">
          {step.axes.map((axis, place) => `${axis} ${number.index[place]}`).join(" · ")}
        </p>
      )}
    </div>
  );
}

function FormulaAndOperands({ explanation }: { explanation: Explanation }): JSX.Element {
  const words = wordsOf(table);
  const { derivation, step, path } = explanation;
  if (path.startsWith(WEIGHTS) && !derivation) return <p>{words.modelWeight}</p>;
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
        {withNumbers(explanation) !== derivation.expression && (
          <p>
            <code>
              = {withNumbers(explanation)} = {format(explanation.value)}
            </code>
          </p>
        )}
      </div>
      <Operands explanation={explanation} />
      <Python explanation={explanation} />
    </>
  );
}

/** The expression with its single numbers in place of their symbols. */
function withNumbers({ derivation, operands }: Explanation): string {
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

function elementName({ path, index }: NumberOnPage): string {
  return `${path}[${index.join(", ")}]`;
}
