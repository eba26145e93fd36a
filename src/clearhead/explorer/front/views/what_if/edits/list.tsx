/** The edits in force, and the quick ones: the locked head, and every token of the source. */

import type { JSX } from "preact";
import type { Edit, Part, Run } from "../../../core/protocol";
import { givenTokens, kind, setState, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { Piece } from "../../shared/parts";
import { table } from "../words";
import { describe, headName } from "./describe";
import { canUndo, hasEdit, removeAll, removeEdit, toggleEdit, undo } from "./history";
import { PUSH, TEMPERATURE, Value, WEIGHT } from "./value";

export function EditList({ answer }: { answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const edits = state.edits.value;
  return (
    <div class="edit-list">
      <h3 id="what-if-edits">{edits.length ? words.count(edits.length) : words.editsTitle}</h3>
      {edits.length === 0 && <p class="note">{words.noEdits}</p>}
      <ol aria-labelledby="what-if-edits">
        {edits.map((edit, place) => (
          <li key={place}>
            <span>{describe(edit, answer)}</span>
            <EditValue edit={edit} place={place} />
            <button
              type="button"
              aria-label={words.removeLong(describe(edit, answer))}
              onClick={() => removeEdit(place)}
            >
              {words.remove}
            </button>
          </li>
        ))}
      </ol>
      <p class="edit-ways">
        <button type="button" disabled={!canUndo()} onClick={undo}>
          {words.undo}
        </button>
        {edits.length > 0 && (
          <button type="button" onClick={removeAll}>
            {words.removeAll}
          </button>
        )}
      </p>
    </div>
  );
}

/** An edit's number can be changed where it stands. */
function EditValue({ edit, place }: { edit: Edit; place: number }): JSX.Element | null {
  const words = wordsOf(table);
  if (!("value" in edit)) return null;
  const [label, scale] =
    edit.kind === "set_weight"
      ? [words.weight, WEIGHT]
      : edit.kind === "steer"
        ? [words.push, PUSH]
        : [words.temperature, TEMPERATURE];
  return (
    <Value
      id={`edit-value-${place}`}
      label={label}
      value={edit.value}
      scale={scale}
      settle={(value) => setState({ edits: state.edits.peek().with(place, { ...edit, value }) })}
    />
  );
}

export function QuickEdits({ answer }: { answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const [part, layer, head] = [state.part.value, state.layer.value, state.head.value];
  // A recording is not edited, and the parts of models are these.
  const ablate: Edit = { kind: "ablate_head", part: part as Part, layer, head };
  const ablated = hasEdit(ablate);
  return (
    <div class="quick-edits">
      <h3>{words.quickTitle}</h3>
      <p>
        <button type="button" aria-pressed={ablated} onClick={() => toggleEdit(ablate)}>
          {ablated && <span aria-hidden="true">✓ </span>}
          {words.ablateThis}
        </button>{" "}
        <span class="note">{words.ablateHelp(headName(part, layer, head))}</span>
      </p>
      <p class="note" id="what-if-mask">
        <strong>{words.maskThis[kind.value]}.</strong> {words.maskHelp}
      </p>
      <div class="mask-tokens" role="group" aria-labelledby="what-if-mask">
        {givenTokens(answer).map((token, position) => (
          <MaskToken key={position} edit={{ kind: "mask_token", position }} place={position}>
            <Piece token={token} special={words.special} />
          </MaskToken>
        ))}
      </div>
    </div>
  );
}

function MaskToken({
  edit,
  place,
  children,
}: {
  edit: Edit;
  place: number;
  children: JSX.Element;
}): JSX.Element {
  const words = wordsOf(table);
  const masked = hasEdit(edit);
  return (
    <button type="button" class="mask-token" aria-pressed={masked} onClick={() => toggleEdit(edit)}>
      <small>{place}</small>
      {children}
      {masked && <em>{words.masked}</em>}
    </button>
  );
}
