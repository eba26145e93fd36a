/** The line that says how far the page's numbers are from the fast model's. Always there. */

import type { JSX } from "preact";
import { model, run } from "../core/state/state";
import { countText, format } from "../core/text/format";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";

export function Check(): JSX.Element {
  const words = wordsOf(table);
  const check = run.value?.check;
  const line = (): string => {
    if (model.value?.kind === "recording") return words.checkNone;
    if (!check || check.largest === null) return words.checkWaiting;
    const numbers = comparedNumbers();
    const over = numbers ? words.checkOver(countText(numbers)) : "";
    return words.checkLine(format(check.largest, 2), check.of as "output", over);
  };
  return (
    <p class="check" role="status">
      <strong>{words.check}:</strong> <span class="number">{line()}</span>
      {check && <span class="soft">, {words.checkMore(check.fast, check.reference)}</span>}
      {model.value?.batch_invariant === false && <span class="soft">. {words.checkBatch}</span>}
      {check?.stored === "float32" && <span class="soft">. {words.checkRounded}</span>}
    </p>
  );
}

/** Every word of the vocabulary at every position, or every output vector. */
function comparedNumbers(): number | undefined {
  const steps = run.value?.steps;
  const last =
    steps?.find(({ path }) => path === "logits") ??
    steps?.find(({ path }) => path === "encoder.output");
  return last?.shape.reduce((product, axis) => product * axis, 1);
}
