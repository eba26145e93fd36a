/** Training watched: a slider over the checkpoints of a run. Text, head and edits stay. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { TrainedCheckpoint } from "../core/protocol";
import { checkpoint } from "../core/state/running";
import { model, setState, source } from "../core/state/state";
import { wordsOf } from "../core/text/i18n";
import "./styles/training.css";

const table = {
  en: {
    locale: "en",
    title: "Training watched, from the first checkpoint to the last",
    step: (step: string) => `step ${step}`,
    loss: (loss: string) => `development loss ${loss}`,
    saved: "This saved file holds this checkpoint alone.",
  },
  pt: {
    locale: "pt-BR",
    title: "O treinamento, do primeiro checkpoint ao último",
    step: (step: string) => `passo ${step}`,
    loss: (loss: string) => `perda de desenvolvimento ${loss}`,
    saved: "Este arquivo salvo contém só este checkpoint.",
  },
};
/** A slider that is dragged passes many checkpoints; the one on which it rests is computed. */
const REST = 150; // milliseconds

export function Training(): JSX.Element | null {
  const words = wordsOf(table);
  const passing = useSignal<number | null>(null);
  const resting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(resting.current), []);
  const all = model.value?.checkpoints ?? [];
  const chosen = all.findIndex(({ step }) => step === checkpoint.value);
  const place = passing.value ?? Math.max(chosen, 0);
  const shown = all[place];
  if (!shown) return null;
  if (all.length === 1)
    return source.value.place === "offline" ? (
      <p class="training">
        <strong>{words.title}</strong>
        <span class="number">{nameOf(shown)}</span>
        <span class="soft">{words.saved}</span>
      </p>
    ) : null;
  const move = (to: number): void => {
    passing.value = to;
    clearTimeout(resting.current);
    resting.current = setTimeout(() => {
      setState({ checkpoint: all[to]?.step ?? null });
      passing.value = null;
    }, REST);
  };
  return (
    <div class="training">
      <label for="checkpoint">{words.title}</label>
      <input
        type="range"
        id="checkpoint"
        min={0}
        max={all.length - 1}
        step={1}
        value={place}
        aria-valuetext={nameOf(shown)}
        onInput={(event) => move(Number(event.currentTarget.value))}
      />
      <output for="checkpoint" class="number">
        {nameOf(shown)}
      </output>
    </div>
  );
}

/** A checkpoint in words: its step and, where it was measured, its loss. */
function nameOf({ step, development_loss: loss }: TrainedCheckpoint): string {
  const words = wordsOf(table);
  const name = words.step(step.toLocaleString(words.locale));
  if (loss === undefined) return name;
  const digits = { minimumFractionDigits: 3, maximumFractionDigits: 3 };
  return `${name}, ${words.loss(loss.toLocaleString(words.locale, digits))}`;
}
