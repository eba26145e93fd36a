/**
 * Colours that mean a number. Two scales, and never a third:
 *
 * - weights: sequential, always from 0 to 1, so that one colour means one weight on every picture;
 * - scores: diverging, centred on 0 and symmetric, with the end of the scale stated beside it.
 *
 * Both are drawn in OKLab (Ottosson 2020), with lightness linear in the number: a scale that is
 * monotone in lightness stays readable in every kind of colour blindness and in grey. The diverging
 * one runs from violet to orange, which differ in the blue-yellow sense that red-green blindness
 * keeps. Light theme: nothing is pale, much is dark; dark theme: the other way round.
 */

export type Theme = "light" | "dark";
export type Kind = "weight" | "score";

/** Lightness 0..1, chroma, hue in degrees. */
type Lch = readonly [lightness: number, chroma: number, hue: number];
type Stop = readonly [at: number, colour: Lch];
type Triple = [number, number, number];

const WEIGHT_STOPS: Record<Theme, readonly Stop[]> = {
  light: [
    [0, [0.985, 0.006, 110]],
    [0.15, [0.875, 0.07, 135]],
    [0.4, [0.69, 0.095, 195]],
    [0.7, [0.47, 0.115, 250]],
    [1, [0.25, 0.1, 275]],
  ],
  dark: [
    [0, [0.24, 0.025, 270]],
    [0.3, [0.4575, 0.11, 255]],
    [0.6, [0.675, 0.1, 200]],
    [0.85, [0.85625, 0.105, 130]],
    [1, [0.965, 0.075, 105]],
  ],
};

/** From 0 outwards; the sign chooses the side. */
const SCORE_STOPS: Record<Theme, Record<"negative" | "positive", readonly Stop[]>> = {
  light: {
    negative: [
      [0, [0.975, 0.003, 90]],
      [0.5, [0.7225, 0.115, 300]],
      [1, [0.47, 0.19, 298]],
    ],
    positive: [
      [0, [0.975, 0.003, 90]],
      [0.5, [0.7225, 0.13, 68]],
      [1, [0.47, 0.125, 52]],
    ],
  },
  dark: {
    negative: [
      [0, [0.26, 0.006, 270]],
      [0.5, [0.535, 0.15, 298]],
      [1, [0.81, 0.105, 300]],
    ],
    positive: [
      [0, [0.26, 0.006, 270]],
      [0.5, [0.535, 0.115, 58]],
      [1, [0.81, 0.14, 75]],
    ],
  },
};

const STEPS = 1024;

function toLab([lightness, chroma, hue]: Lch): Triple {
  const angle = (hue * Math.PI) / 180;
  return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
}

/** OKLab to sRGB bytes, clipped to the gamut. */
function toBytes([lightness, a, b]: Triple): Triple {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear: Triple = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((channel) => {
    const clipped = Math.min(1, Math.max(0, channel));
    const curved = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
    return Math.round(255 * curved);
  }) as Triple;
}

function along(stops: readonly Stop[], at: number): Triple {
  let right = 1;
  while (right < stops.length - 1 && at > stops[right]![0]) right += 1;
  const [from, first] = stops[right - 1]!;
  const [to, second] = stops[right]!;
  const share = (at - from) / (to - from);
  const [one, other] = [toLab(first), toLab(second)];
  return one.map((value, axis) => value + share * (other[axis]! - value)) as Triple;
}

type Table = readonly Triple[];

const tables = new Map<readonly Stop[], Table>();

function tableOf(stops: readonly Stop[]): Table {
  let table = tables.get(stops);
  if (!table) {
    table = Array.from({ length: STEPS + 1 }, (_, step) => toBytes(along(stops, step / STEPS)));
    tables.set(stops, table);
  }
  return table;
}

function colourAt(stops: readonly Stop[], at: number): Triple {
  const clipped = Math.min(1, Math.max(0, Number.isNaN(at) ? 0 : at));
  return tableOf(stops)[Math.round(clipped * STEPS)]!;
}

/** sRGB bytes of a weight; what is outside 0 to 1 by rounding is taken as the end. */
export function weightBytes(weight: number, theme: Theme): Triple {
  return colourAt(WEIGHT_STOPS[theme], weight);
}

/** sRGB bytes of a score, on a scale from -max to max. Minus infinity is no score: hatch it. */
export function scoreBytes(score: number, max: number, theme: Theme): Triple {
  const side = SCORE_STOPS[theme][score < 0 ? "negative" : "positive"];
  return colourAt(side, max > 0 ? Math.abs(score) / max : 0);
}

export function hex([red, green, blue]: readonly number[]): string {
  return `#${((1 << 24) | (red! << 16) | (green! << 8) | blue!).toString(16).slice(1)}`;
}

export function weightColour(weight: number, theme: Theme = "light"): string {
  return hex(weightBytes(weight, theme));
}

export function scoreColour(score: number, max: number, theme: Theme = "light"): string {
  return hex(scoreBytes(score, max, theme));
}

/** One or the other scale; `max` is read for scores alone. */
export function bytesOf(kind: Kind, value: number, max: number, theme: Theme): Triple {
  return kind === "weight" ? weightBytes(value, theme) : scoreBytes(value, max, theme);
}

/** The end of a score scale that these values need: the largest magnitude of the finite ones. */
export function scoreMax(values: ArrayLike<number>): number {
  let largest = 0;
  for (let at = 0; at < values.length; at += 1) {
    const magnitude = Math.abs(values[at]!);
    if (magnitude > largest && magnitude < Infinity) largest = magnitude;
  }
  return largest;
}

/** Relative luminance, WCAG 2.2. */
export function luminance(bytes: readonly number[]): number {
  const [red, green, blue] = bytes.map((byte) => {
    const channel = byte / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

/** Black or white, whichever reads better on a colour: at least 4.58 to 1. */
export function inkOn(bytes: readonly number[]): string {
  return luminance(bytes) > 0.179 ? "#000000" : "#ffffff";
}

/** What is drawn that is no number: the page's own colours, for canvases and exported pictures. */
export interface Inks {
  ink: string;
  soft: string;
  paper: string;
  panel: string;
  line: string;
  accent: string;
  /** Of a ribbon between two words that does not stand out. */
  ribbon: string;
}

/** The same values as in shell/styles/base.css, for where a style sheet does not reach. */
export const INKS: Record<Theme, Inks> = {
  light: {
    ink: "#1c2126",
    soft: "#59636e",
    paper: "#fcfbf9",
    panel: "#ffffff",
    line: "#dcdad5",
    accent: "#0b5c8a",
    ribbon: "#a9b4bf",
  },
  dark: {
    ink: "#eef0f4",
    soft: "#aeb6c4",
    paper: "#14161b",
    panel: "#1d2027",
    line: "#434a57",
    accent: "#6fb6e6",
    ribbon: "#5d6878",
  },
};

/** Those that a projector has instead, as in shell/styles/base.css. */
export const PROJECTOR_INKS: Record<Theme, Inks> = {
  light: {
    ...INKS.light,
    ink: "#000000",
    soft: "#31383f",
    paper: "#ffffff",
    line: "#8a8f95",
    accent: "#004a75",
  },
  dark: {
    ...INKS.dark,
    ink: "#ffffff",
    soft: "#d5dae3",
    paper: "#000000",
    panel: "#0d0f13",
    line: "#7c8595",
    accent: "#8fd0ff",
  },
};
