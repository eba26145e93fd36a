/** The questions that a source answers, and the shapes of their answers. Python's side of it is
 * `clearhead.explorer.Explorer.answer`; null in JSON stands for -infinity. */

export type Part = "encoder" | "decoder" | "cross" | "self";
export type Ability = "translate" | "edit" | "beam" | "effects" | "derivations";
export type Index1 =
  | number
  | { axis: number; times?: number; plus?: number; floordiv?: number; mod?: number }
  | { sum: Index1[] };
/** [start, stop] per axis; null asks for the whole array. */
export type Window = [number, number][];

export interface Token {
  id: number;
  piece: string;
  special: boolean;
}

export interface ModelPart {
  part: Part;
  layers: number;
  heads: number;
}

export interface Model {
  kind: "translation" | "recording";
  name: string;
  languages: { source: string; target: string };
  config: Record<string, unknown>;
  parameters: number;
  parts: ModelPart[];
  abilities: Ability[];
  /** Whether a sentence's scores are the same bits alone and in any batch, on the computer that
   * answers; not said of recordings. */
  batch_invariant?: boolean;
  limits: { characters: number; tokens: number; numbers: number };
  special: { pad: number; start: number; end: number };
  provenance: Record<string, unknown>;
}

export type Edit =
  | { kind: "ablate_head"; part: Part; layer: number; head: number }
  | {
      kind: "set_weight";
      part: Part;
      layer: number;
      head: number;
      query: number;
      key: number;
      value: number;
      renormalise: boolean;
    }
  | { kind: "mask_token"; position: number }
  | { kind: "swap_token"; position: number; token: number }
  | { kind: "attention_temperature"; part: Part; layer: number; head: number; value: number }
  | { kind: "output_temperature"; value: number };

export interface RunParams {
  text: string;
  target?: string | null;
  sentence?: number;
  beam_size?: number;
  edits?: Edit[];
}

export interface NextWords {
  likeliest: { token: Token; probability: number }[];
  taken: { token: Token; probability: number; rank: number };
}

/** One attention sub-layer: all heads of one layer of one part. */
export interface Attention {
  part: Part;
  layer: number;
  heads: number;
  queries: number;
  keys: number;
  path: string;
  query_tokens?: Token[];
  key_tokens?: Token[];
}

export type IndexEntry =
  | Exclude<Index1, number>
  | number
  | ":"
  | { value_of: { path: string; index: IndexEntry[] } };

export type Operand = { symbol: string; label: { en: string; pt: string } } & (
  | { path: string; index: IndexEntry[] }
  | { scalar: Index1 }
  | { constant: number }
);

export interface Derivation {
  /** (index[axis] // floordiv) % mod == equals, or one of the step's replaced elements (at these
   * places alone; null for all of an axis). */
  when?:
    | { axis: number; floordiv?: number; mod?: number; equals: number }
    | { replaced: true; index?: (number | null)[] };
  /** Python over the symbols, np and math; null for what is given. */
  expression: string | null;
  given?: true;
  operands: Operand[];
}

export interface Step {
  path: string;
  shape: number[];
  axes: string[];
  formula: string;
  of: string[];
  replaced: boolean;
  /** Which elements, and by which edit: one entry per axis, null for all of it. */
  replaced_at?: { edit: number; index: (number | null)[] }[];
  derivations: Derivation[];
}

export interface Run {
  request: RunParams;
  text: string | null;
  /** The text's pieces; of a sentence also what the translator makes of it, what the model reads,
   * and which rules around the model acted. */
  sentences: {
    text: string;
    translated: boolean;
    translation?: string;
    read?: string;
    rules?: { rule: string; change: string }[];
  }[];
  sentence: number;
  translation: string | null;
  target_given: boolean;
  source: Token[];
  decoder_input: Token[];
  predicted: Token[];
  log_probability: number | null;
  log_probabilities: (number | null)[];
  next: NextWords[];
  attention: Attention[];
  steps: Step[];
  check: {
    largest: number | null;
    of: string;
    fast: string;
    reference: string;
    numbers?: number;
    stored?: "float64" | "float32";
  } | null;
  /** What a reader should know of this run, such as an edit that changes nothing. */
  notes?: {
    kind: string;
    words: { en: string; pt: string };
    translation?: string;
    edit?: number;
  }[];
  seconds: { translate?: number; trace?: number; check?: number };
  baseline: null | {
    translation: string;
    log_probability: number;
    predicted: Token[];
    target_log_probability: number | null;
  };
}

export interface BeamContinuation {
  token: Token;
  probability: number;
  total: number | null;
  fate: "kept" | "dropped" | "finished";
}

export interface Beam {
  steps: {
    prefixes: { pieces: string[]; log_probability: number; continuations: BeamContinuation[] }[];
  }[];
  finished: {
    translation: string;
    pieces: string[];
    log_probability: number;
    score: number;
    chosen: boolean;
  }[];
}

export interface ArrayItem {
  path: string;
  window: Window | null;
}

/** Later questions carry the `request` of a run's answer as `run`. */
export interface Questions {
  model: { params: Record<string, never>; json: Model };
  run: { params: RunParams; json: Run };
  words: { params: { query: string }; json: { tokens: Token[] } };
  beam: { params: { run: RunParams; beam_size: number }; json: Beam };
  array: {
    params: { run: RunParams; items: ArrayItem[] };
    json: { items: { path: string; window: Window; shape: number[]; dtype: string }[] };
  };
  overview: {
    /** A recording gives the pictures of some layers alone where it is asked to: [start, stop]. */
    params: { run: RunParams; part: Part; layers?: [number, number] };
    json: { part: Part; pooled: boolean; block: [number, number] };
  };
  effects: {
    params: {
      run: RunParams;
      part: Part;
      layer: number;
      head: number;
      query: number;
      position?: number | null;
      most?: number;
    };
    json: {
      keys: number[];
      of: number;
      weight: number[];
      contribution: number[];
      effect: (number | null)[];
      effect_on: { position: number | null; text: string };
    };
  };
  /** The page as one HTML file; the answer's array "html" holds its UTF-8 bytes. */
  offline: { params: { run: RunParams; state: string }; json: { name: string } };
}

export type Question = keyof Questions;
export type Params<Q extends Question> = Questions[Q]["params"];
export type Json<Q extends Question> = Questions[Q]["json"];
