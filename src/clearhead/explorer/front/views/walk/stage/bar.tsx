/** The bar below a step: back and on, which step it is, and how far it has come. */

import type { JSX } from "preact";
import { wordsOf } from "../../../core/text/i18n";
import { moment, motion, pause, play, playing, rest, scrub } from "../flow/motion";
import { table as flowTable } from "../flow/words";
import type { PanelSpec } from "../panel";
import { table as walkTable } from "../words";
import { table } from "./words";

interface BarProps {
  panels: PanelSpec[];
  place: number;
  turnTo: (place: number) => void;
}

export function Bar({ panels, place, turnTo }: BarProps): JSX.Element {
  const words = wordsOf(table);
  const { stepOf } = wordsOf(walkTable);
  const last = panels.length - 1;
  return (
    <nav class="stage-bar" aria-label={words.bar}>
      <Scrubber />
      <button
        type="button"
        class="stage-back"
        disabled={place === 0}
        onClick={() => turnTo(place - 1)}
      >
        ← {words.back}
      </button>
      <select
        class="stage-place"
        aria-label={words.step}
        value={place}
        onChange={(event) => turnTo(Number(event.currentTarget.value))}
      >
        {panels.map((panel, at) => (
          <option key={panel.id} value={at} selected={at === place}>
            {`${at + 1} / ${panels.length} · ${panel.title}`}
          </option>
        ))}
      </select>
      <button
        type="button"
        class="stage-next primary"
        disabled={place === last}
        onClick={() => turnTo(place + 1)}
      >
        {words.next} →
      </button>
      <p class="unseen" role="status">
        {`${stepOf(place + 1, panels.length)}: ${panels[place]?.title ?? ""}`}
      </p>
    </nav>
  );
}

/** Plays the step's motion, and takes it back and forth; nothing where a step has none. */
function Scrubber(): JSX.Element | null {
  const words = wordsOf(flowTable);
  const of = motion.value;
  if (!of) return null;
  const at = moment.value;
  return (
    <div class="stage-motion">
      <button
        type="button"
        class="stage-play"
        aria-label={playing.value ? words.pause : words.play}
        onClick={() => (playing.peek() ? pause() : play())}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d={playing.value ? "M3 2h4v12H3zM9 2h4v12H9z" : "M3 1.5v13l11-6.5z"} />
        </svg>
      </button>
      <input
        type="range"
        min={0}
        max={of.count}
        value={at}
        aria-label={words.scrub}
        aria-valuetext={`${words.at(at, of.count)}. ${of.caption(at)}`}
        onInput={(event) => scrub(Number(event.currentTarget.value))}
        onChange={(event) => rest(Number(event.currentTarget.value))}
      />
      <span class="stage-moment" aria-hidden="true">
        {at}/{of.count}
      </span>
    </div>
  );
}
