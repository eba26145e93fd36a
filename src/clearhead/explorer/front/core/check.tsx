/** The line that says how far the page's numbers are from the fast model's. Always there. */

import type { JSX } from "preact";
import { format } from "./format";
import { words } from "./i18n";
import { model, run } from "./state";
import { table } from "./words";

export function Check(): JSX.Element {
  const t = words(table);
  const check = run.value?.check;
  const line = (): string => {
    if (model.value?.kind === "recording") return t.checkNone;
    if (!check || check.largest === null) return t.checkWaiting;
    const over = check.numbers ? t.checkOver(String(check.numbers).replace(/\B(?=(\d{3})+$)/g, " ")) : "";
    return t.checkLine(format(check.largest, 2), check.of, over);
  };
  return (
    <p class="check" role="status">
      <strong>{t.check}:</strong> <span class="number">{line()}</span>
      {check && <span class="soft"> ({t.checkMore(check.fast, check.reference)})</span>}
    </p>
  );
}
