/** Moves the window of a large matrix: by pointing into a small picture of it, or by two sliders. */

import type { JSX } from "preact";
import { useId, useRef } from "preact/hooks";

import { wordsOf } from "../../core/text/i18n";
import type { MatrixData } from "../scene/items";
import { Picture, pictureSize } from "./picture";
import { type Range, rangeAround, rangeFrom, type Window2 } from "./window";
import "./window_picker.css";
import { table } from "../words";

export interface WindowPickerProps {
  /** The whole matrix, max-pooled; null until it is there. */
  picture: MatrixData | null;
  rows: number;
  columns: number;
  window: Window2;
  onWindow: (window: Window2) => void;
  side?: number;
}

export function WindowPicker(props: WindowPickerProps): JSX.Element {
  const { picture, rows, columns, window, onWindow, side = 132 } = props;
  const words = wordsOf(table);
  return (
    <div class="window-picker">
      <p>{words.moveWindow}</p>
      <div class="window-picker-parts">
        {picture && <Overview {...props} picture={picture} side={side} />}
        <div class="window-picker-sliders">
          <Slider
            label={words.firstQuery}
            range={window.rows}
            of={rows}
            onRange={(range) => onWindow({ ...window, rows: range })}
          />
          <Slider
            label={words.firstKey}
            range={window.columns}
            of={columns}
            onRange={(range) => onWindow({ ...window, columns: range })}
          />
        </div>
      </div>
      {picture && (
        <p class="soft">
          {words.pooled(Math.ceil(rows / picture.rows), Math.ceil(columns / picture.columns))}
        </p>
      )}
    </div>
  );
}

interface SliderProps {
  label: string;
  range: Range;
  of: number;
  onRange: (range: Range) => void;
}

function Slider({ label, range, of, onRange }: SliderProps): JSX.Element | null {
  const id = useId();
  const size = range[1] - range[0];
  if (size >= of) return null;
  return (
    <div>
      <label for={id}>
        {label}: {range[0]}
      </label>
      <input
        id={id}
        type="range"
        min={0}
        max={of - size}
        value={range[0]}
        onInput={(event) => onRange(rangeFrom(Number(event.currentTarget.value), of))}
      />
    </div>
  );
}

/** The sliders do the same by keyboard, so the picture is for pointers alone. */
function Overview(props: WindowPickerProps & { picture: MatrixData; side: number }): JSX.Element {
  const { picture, rows, columns, window, onWindow, side } = props;
  const frame = useRef<HTMLDivElement>(null);
  const { width, height } = pictureSize(picture, side);
  const moveTo = (event: PointerEvent): void => {
    const box = frame.current?.getBoundingClientRect();
    if (!box) return;
    const row = ((event.clientY - box.top) / box.height) * rows;
    const column = ((event.clientX - box.left) / box.width) * columns;
    onWindow({ rows: rangeAround(row, rows), columns: rangeAround(column, columns) });
  };
  const share = (at: number, of: number, size: number): string => `${(at / of) * size}px`;
  return (
    <div
      ref={frame}
      class="window-picker-picture"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        moveTo(event);
      }}
      onPointerMove={(event) => {
        if (event.buttons & 1) moveTo(event);
      }}
    >
      <Picture data={picture} side={side} label={wordsOf(table).whole} />
      <div
        class="window-picker-frame"
        style={{
          left: share(window.columns[0], columns, width),
          top: share(window.rows[0], rows, height),
          width: share(window.columns[1] - window.columns[0], columns, width),
          height: share(window.rows[1] - window.rows[0], rows, height),
        }}
      />
    </div>
  );
}
