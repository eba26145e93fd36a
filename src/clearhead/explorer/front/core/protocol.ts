/** The questions that a source answers, and the shapes of their answers. Null in JSON stands for
 * -infinity. Written by `python -m clearhead.explorer.contract`: change
 * src/clearhead/explorer/contract instead. */

export type Ability =
  | "translate"
  | "edit"
  | "beam"
  | "effects"
  | "derivations"
  | "next_words"
  | "lens"
  | "gradients"
  | "sweep";

/** The output of a head becomes 0. */
export interface AblateHead {
  kind: "ablate_head";
  part: Part;
  layer: number;
  head: number;
}

/** Which words drew on which, in the head that aligns best. */
export interface Alignment {
  /** Whose heads were compared: `cross`, or the self-attention of a model with one stack. */
  part: string;
  /** Of the part, the one that aligns best first. */
  heads: HeadScore[];
  /** `agreement`: the share of its attention, weighted by what hiding costs, that a head puts on
   * the words whose hiding costs a predicted word probability; `peak`: the mean of the largest
   * weight of each row, where nothing is predicted; `aligned`, of a recording's cross-attention:
   * the largest weight that each key gets, added up, over the length of the shorter side;
   * `elsewhere`, of a recording's self-attention: the same over weights that lie neither on the
   * query's own token or beside it, nor on the first or last. */
  measure: "agreement" | "peak" | "aligned" | "elsewhere";
  /** How many words were hidden for it, of `of` that could be; of a recording, which cannot be run
   * again, how many heads were compared of how many that the part has. */
  trials: number;
  of: number;
  /** Words that are drawn on; of a recording tokens, of a long one some of them. */
  keys: Word[];
  /** Words that are predicted, each with the rows that predict it; of a classifier its label; of a
   * model that predicts nothing, those that are read. */
  queries: Word[];
  /** Of the best head, one row for each word of `queries`: the mean of its rows, and over the
   * tokens of a key the sum. */
  weights: number[][];
  /** Of a recording, the same through all layers of the part, by rollout (Abnar and Zuidema 2020);
   * missing where it cannot be had, or would take long. */
  flow?: number[][];
  /** Two of `queries` that draw most, and with more than half of their attention, on `keys` that
   * stand the other way round; null where none do. */
  crossing: number[] | null;
}

/** Which head aligns best in this text, and which words draw on which in it. */
export interface AlignmentParams {
  /** The text, with its edits. */
  run: RunParams;
  /** Of a recording, whose long sequences are shown in part, the first query that is shown; 0 of
   * anything else. */
  start?: number | null;
}

/** A window of one array. */
export interface ArrayItem {
  /** Of a step of the trace, or `weights/NAME`. */
  path: string;
  /** [start, stop] for each axis; null for the whole array. */
  window?: Window | null;
}

/** An operand that is a slice of a step or, with a path `weights/NAME`, of a weight. */
export interface ArrayOperand {
  symbol: string;
  label: Label;
  path: string;
  index: IndexEntry[];
}

/** Numbers of the run or of the model. */
export interface ArrayParams {
  /** Whose arrays. */
  run?: RunParams | null;
  /** Which arrays, and how much of each. */
  items: ArrayItem[];
  /** Of a gradient, the position whose loss it is of; null for the mean over all positions that
   * count, as in the question `gradients`. */
  loss_position?: number | null;
}

/** A window of an array. */
export interface ArrayWindow {
  path: string;
  window: [number, number][];
  /** Of the whole array. */
  shape: number[];
  /** Of the numbers on their way. */
  dtype: string;
}

/** The windows; their numbers are the arrays "0", "1", ... beside this. */
export interface Arrays {
  items: ArrayWindow[];
}

/** One attention sub-layer: all heads of one layer of one part. */
export interface Attention {
  part: string;
  layer: number;
  heads: number;
  queries: number;
  keys: number;
  /** How the paths of its steps begin. */
  path: string;
  /** Of a recording, whose attentions may see different texts. */
  kind?: "self" | "cross";
  /** Of a recording, whose attentions may see different texts. */
  query_tokens?: Token[];
  /** Of a recording, whose attentions may see different texts. */
  key_tokens?: Token[];
}

/** The scaled scores of a head are divided by `value` before the softmax. */
export interface AttentionTemperature {
  kind: "attention_temperature";
  part: Part;
  layer: number;
  head: number;
  value: number;
}

/** ((index[axis] * times) // floordiv) % mod + plus, of the index of the explained number. */
export interface AxisIndex {
  axis: number;
  times?: number;
  plus?: number;
  floordiv?: number;
  mod?: number;
}

/** The run without edits, and how likely the edited model makes its translation. */
export interface Baseline {
  translation: string;
  log_probability: number | null;
  predicted: Token[];
  target_log_probability: number | null;
  /** Of a classifier, by their numbers. */
  labels?: LikelyLabel[];
  /** Of a model whose output is vectors, how far each of them moved, as a share of its length
   * without edits. */
  output_change?: number[];
}

/** What beam search kept and dropped at each step; `fast` names the engine that it asked. */
export interface Beam {
  beam_size: number;
  fast: string;
  steps: BeamStep[];
  finished: FinishedTranslation[];
}

/** A next token of a prefix, its log-probability with the prefix, and what became of it. */
export interface BeamContinuation {
  token: Token;
  probability: number;
  total: number | null;
  fate: "kept" | "dropped" | "finished";
}

/** What beam search kept and dropped at each step. */
export interface BeamParams {
  /** Whose sentence is searched again. */
  run: RunParams;
  /** Of the search; null for that of the run. */
  beam_size?: number | null;
}

/** One step of the search. */
export interface BeamStep {
  prefixes: Prefix[];
}

/** How far the fast engine is from the reference. */
export interface Check {
  /** Difference. */
  largest: number | null;
  /** What was compared. */
  of: string;
  /** Names of the engines. */
  fast: string;
  /** Names of the engines. */
  reference: string;
  /** In a saved page, the type that its numbers are stored in. */
  stored?: "float64" | "float32";
}

/** The token that was taken, and its place among all, from 1. */
export interface ChosenToken {
  token: Token;
  probability: number;
  rank: number;
}

/** An operand that is a number of the model's config or of an edit. */
export interface ConstantOperand {
  symbol: string;
  label: Label;
  constant: number;
}

/** How an element of a step follows from its operands. */
export interface Derivation {
  /** For which elements it holds; missing for all. */
  when?: WhenAxis | WhenReplaced;
  /** Python over the symbols, `np` and `math`; null for what is given. */
  expression: string | null;
  /** That it follows from nothing. */
  given?: true;
  operands: Operand[];
}

/** The one change of many that changes the text most, and what it does. */
export interface Discovery {
  kind: DiscoveryKind;
  /** The model's text as it is. */
  before: string;
  /** With the change. */
  after: string;
  /** That make it, as a run takes them. */
  edits: Edit[];
  /** Of a classifier, whose texts are labels: how likely each is, by their numbers. Of a
   * temperature they are missing. */
  labels_before?: LikelyLabel[];
  /** Of a classifier, whose texts are labels: how likely each is, by their numbers. Of a
   * temperature they are missing. */
  labels_after?: LikelyLabel[];
  /** That is hidden. */
  word?: Word;
  /** That are switched off: several together where no single one is missed. */
  heads?: HeadPlace[];
  /** How many changes were tried, of `of` that there are. */
  trials: number;
  of: number;
  /** Of a temperature, one for each, the lowest first. */
  draws?: Draw[];
  /** Number of the draw whose text is `after`. */
  draw?: number;
}

export type DiscoveryKind = "hide_word" | "switch_off" | "temperature";

/** The one change of a kind that changes the model's text most, tried. */
export interface DiscoveryParams {
  /** The text; its edits and the text that it names for the model do not count. */
  run: RunParams;
  /** What is changed: a word is hidden, a head is switched off, or the temperature at which words
   * are drawn. */
  kind: DiscoveryKind;
}

/** What chance makes of the text at one temperature. */
export interface Draw {
  temperature: number;
  /** Drawn from the ten likeliest tokens of each step, with the same dice at every temperature. */
  text: string;
  /** Whether it ended by itself. */
  ended: boolean;
  /** Of the model's own text at this temperature. */
  probability: number;
}

export type Edit =
  | AblateHead
  | SetWeight
  | MaskToken
  | SwapToken
  | AttentionTemperature
  | OutputTemperature
  | Steer;

/** What the effect is on: one predicted token, or the whole translation. */
export interface EffectOn {
  position: number | null;
  text: string;
}

/** Three numbers of each link of a query, keys by falling weight. */
export interface Effects {
  keys: number[];
  /** How many keys the query may attend to. */
  of: number;
  weight: number[];
  contribution: number[];
  effect: (number | null)[];
  effect_on: EffectOn;
}

/** Weight, contribution and effect of the links of one query. */
export interface EffectsParams {
  /** The run that they are in. */
  run: RunParams;
  /** Where they start. */
  part: Part;
  /** Where they start. */
  layer: number;
  /** Where they start. */
  head: number;
  /** Where they start. */
  query: number;
  /** Of the predicted token whose log-probability is looked at; null for all. */
  position?: number | null;
  /** So many keys, those with the largest weights. */
  most?: number | null;
}

/** An element of a step of integers. */
export interface ElementOf {
  path: string;
  index: IndexEntry[];
}

/** A translation that the search returned. */
export interface FinishedTranslation {
  translation: string;
  pieces: string[];
  log_probability: number | null;
  score: number | null;
  /** Whether it ends by itself, and not because it became too long. */
  ended: boolean;
  /** Whether it is the best. */
  chosen: boolean;
}

/** A backward pass, without its numbers. */
export interface Gradients {
  /** That was asked for. */
  position: number | null;
  /** Those whose losses make the mean. */
  positions: number[];
  /** In nats a token. */
  loss: number;
  /** Of the loss, and the gradients, in the order of computation. */
  steps: Step[];
  /** The paths of the gradients of tables over the vocabulary, which are computed too and too
   * large to be held. */
  omitted: string[];
  /** That both passes took. */
  seconds: number;
}

export interface GradientsParams {
  run: RunParams;
  position?: number | null;
}

export type HeadKind =
  | "previous"
  | "next"
  | "same"
  | "first"
  | "last"
  | "duplicate"
  | "induction"
  | "aligned"
  | "local"
  | "broad"
  | "mixed";

/** Kinds of heads. */
export interface HeadKinds {
  /** That was asked for. */
  part: string;
  /** The first of its layers here. */
  start: number;
  /** The heads of each layer. */
  layers: MeasuredHead[][];
  /** A head is of a kind from this share of its weight on. */
  share: number;
  /** A head is broad from this evenness on, if it is of no other kind. */
  even: number;
  /** A head has a kind where so many queries can attend to more than one token. */
  queries: number;
  /** A head copies, beside its kind, from this copying score on. */
  copies: number;
}

/** What kind each head of a part is. */
export interface HeadKindsParams {
  /** Whose heads. */
  run?: RunParams | null;
  /** Of the model; the parts of a recording are named after the stacks of its model. */
  part: string;
  /** From `start` to before `stop`; null for all of them. */
  layers?: [number, number] | null;
}

export type HeadMeasure =
  | "previous"
  | "next"
  | "same"
  | "first"
  | "last"
  | "duplicate"
  | "induction"
  | "aligned"
  | "local"
  | "even";

/** Where a head is. */
export interface HeadPlace {
  part: string;
  layer: number;
  head: number;
}

/** How well a head aligns, from 0 to 1. */
export interface HeadScore {
  layer: number;
  head: number;
  score: number;
}

export type IndexEntry = ScalarIndex | ":" | ValueIndex;

/** What an operand is: a key of the page's table of words, and the name that the words take. */
export interface Label {
  key: string;
  name?: string;
}

/** The text looks like another language than the model reads. */
export interface LanguageNote {
  kind: "language";
  /** Code of the language that the model reads. */
  reads: string;
  /** Code of the one that it looks like; null where that is not known. */
  language: string | null;
}

/** Codes of the languages; null where the model's name does not say them. */
export interface Languages {
  source: string | null;
  target: string | null;
}

/** What the model would say after some of its layers. */
export interface LayerSaying {
  /** How many the stream has passed; 0 is the embedding. */
  layers: number;
  /** Tokens with their probabilities, the likeliest first. */
  likeliest: TokenShare[];
  /** The place, from 1, of what the model says after all layers. */
  rank: number;
  /** Of that token here. */
  probability: number;
}

/** What each layer would say, and what adds to a logit. */
export interface Lens {
  position: number;
  /** Whose logit is taken apart. */
  token: Token;
  layers: LayerSaying[];
  /** Null where the logit is no sum, as behind a layer with an activation. */
  sum: LogitSum | null;
}

/** What each layer would say at a position, and what adds to the logit of one token there. */
export interface LensParams {
  /** Whose pass it is. */
  run: RunParams;
  /** At which something is predicted. */
  position: number;
  /** Id of the token whose logit is taken apart; null for the one that is predicted. */
  token?: number | null;
  /** So many summands, those that move the logit most. */
  most?: number | null;
  /** So many tokens of each layer. */
  count?: number | null;
}

/** One of the labels of a classifier, and how probable it is. */
export interface LikelyLabel {
  label: string;
  probability: number;
  log_probability: number | null;
}

/** A token and how probable it is. */
export interface LikelyToken {
  token: Token;
  probability: number;
}

/** A logit as a sum. */
export interface LogitSum {
  /** Before a softcap, where there is one. */
  logit: number;
  /** Those that move it most, up or down. */
  summands: LogitSummand[];
  /** How many more there are. */
  others: number;
  /** What these add together. */
  others_sum: number;
  /** How far the sum of all is from the logit. */
  error: number;
}

/** What one part of the model adds to a logit. */
export interface LogitSummand {
  /** Of the step or the weight that adds it. */
  path: string;
  /** What it is. */
  kind: "embedding" | "head" | "feed_forward" | "bias";
  /** Of a head or a feed-forward layer; null elsewhere. */
  layer: number | null;
  /** Of a head or a feed-forward layer; null elsewhere. */
  head: number | null;
  value: number;
}

/** No query attends to this position of the source, or of the prompt without an encoder. */
export interface MaskToken {
  kind: "mask_token";
  /** Of a token. */
  position: number;
}

/** One head. */
export interface MeasuredHead {
  /** What it does mostly; null where too few queries have a choice for that to mean much. */
  kind: HeadKind | null;
  /** A number from 0 to 1 for each measure that means something here. */
  measures: Record<string, number>;
  /** From -1 to 1, how far the head's weights copy what it reads into the logits; null where that
   * cannot be said, as of a recording. */
  copying: number | null;
}

/** What the model is, or what was recorded; of a recording, much is not known. */
export interface Model {
  /** `translation` with encoder and decoder, `generation` with a decoder alone, `encoder` with an
   * encoder alone, `recording`, or `sweep`, of which there is its result alone. */
  kind: ModelKind;
  name: string;
  languages: Languages | null;
  config: Record<string, unknown> | null;
  parameters: number | null;
  parts: ModelPart[];
  abilities: Ability[];
  /** That a translation can be asked for; missing where there are none. */
  registers?: string[];
  /** Of a classifier of texts, by their numbers; missing of other models. */
  labels?: string[];
  /** The first sentences under "Limits" of its card; missing without one. */
  limits_in_words?: string;
  /** Of a training run, by their steps; missing of anything else. */
  checkpoints?: TrainedCheckpoint[];
  /** Whether a sentence's scores are the same bits alone and in any batch, on the computer that
   * answers; not said of recordings. */
  batch_invariant?: boolean;
  limits: ModelLimits;
  special: SpecialIds | null;
  /** What is written for a hidden word, which the model predicts; missing where it predicts none. */
  mask?: string;
  provenance: Record<string, unknown>;
}

export type ModelKind = "translation" | "generation" | "encoder" | "recording" | "sweep";

/** How much is taken and given at once, 0 where nothing of the kind is taken. */
export interface ModelLimits {
  /** Of a text. */
  characters: number;
  /** Of a sentence. */
  tokens: number;
  /** Of the arrays of one answer. */
  numbers: number;
  /** Of one run. */
  edits?: number;
}

/** The attentions of one kind: those of an encoder, say, or of one stack of a recording. */
export interface ModelPart {
  part: string;
  layers: number;
  heads: number;
  kind?: "self" | "cross";
}

/** What the model is. */
export type ModelParams = Record<string, never>;

/** A token near another one. */
export interface Neighbour {
  token: Token;
  /** Of the angle between the rows of the two, from -1 to 1. */
  cosine: number;
}

/** The tokens whose rows point most nearly where one token's row does. */
export interface Neighbours {
  /** The one. */
  token: Token;
  /** Of its row. */
  length: number;
  /** Name of the table of embeddings among the weights. */
  table: string;
  /** The nearest first, without the token itself. */
  nearest: Neighbour[];
  /** How many rows were compared. */
  of: number;
}

/** The tokens nearest to one in the table of embeddings, by the angle between their rows. */
export interface NeighboursParams {
  /** Its id. */
  token: number;
  /** Whose table it is, where encoder and decoder have one each. */
  stack: "encoder" | "decoder";
  /** So many neighbours. */
  count?: number | null;
  /** As in `RunQuestion`. */
  checkpoint?: number | null;
}

/** The likeliest tokens after one of the decoder's, and the one that was taken. */
export interface NextTokens {
  likeliest: LikelyToken[];
  taken: ChosenToken;
}

export type Note = ProtectedNote | UnreachedNote | LanguageNote;

/** A name for the file; the array `html` beside this holds its UTF-8 bytes. */
export interface Offline {
  name: string;
}

/** The page as one HTML file that needs no server. */
export interface OfflineParams {
  /** That the file holds. */
  run: RunParams;
  /** What stands behind the # of the page's address. */
  state?: string | null;
}

export type Operand = ArrayOperand | ScalarOperand | ConstantOperand;

/** The logits are divided by `value`. */
export interface OutputTemperature {
  kind: "output_temperature";
  value: number;
}

/** Pictures of all heads of a part; they are the arrays beside this. */
export interface Overview {
  part: string;
  /** Whether a cell is the largest weight of a block. */
  pooled: boolean;
  /** Queries and keys of a cell. */
  block: [number, number];
  queries: number;
  keys: number;
}

/** All heads of a part as small pictures. */
export interface OverviewParams {
  /** Whose heads. */
  run?: RunParams | null;
  /** Of the model; the parts of a recording are named after the stacks of its model. */
  part: string;
  /** Of a recording with many heads, the layers from `start` to before `stop`; null for all of
   * them. */
  layers?: [number, number] | null;
}

export type Part = "encoder" | "decoder" | "cross";

/** A beginning of a translation that the beam held. */
export interface Prefix {
  pieces: string[];
  log_probability: number | null;
  continuations: BeamContinuation[];
}

/** Translating the sentence gives another text, to keep placeholders or numbers as they are. */
export interface ProtectedNote {
  kind: "protected";
  translation: string;
}

/** Which elements of a step an edit changed: one entry for each axis, null for all of it. */
export interface Replacement {
  edit: number;
  index: (number | null)[];
}

/** A rule around the model that acted on a sentence, and what it did. */
export interface Rule {
  rule: string;
  change: string;
}

/** Everything about a run but its large arrays. */
export interface Run {
  /** The parameters of the run, which later questions name it by. */
  request: RunParams;
  /** The whole text; null of a recording. */
  text: string | null;
  /** The pieces of the text; of a recording, the rows of its batch. */
  sentences: Sentence[];
  /** The number of the piece that is traced. */
  sentence: number;
  /** Of a model that continues prompts, the continuation; of an encoder that fills in hidden
   * words, the text with them; of a classifier, the likeliest label. */
  translation: string | null;
  /** Whether the translation came with the question. */
  target_given: boolean;
  /** What the encoder reads; empty without one. */
  source: Token[];
  /** What the decoder reads; empty without one, and without an encoder it begins with the prompt. */
  decoder_input: Token[];
  /** What follows each token of the decoder; of an encoder the token at each position, the
   * likeliest where one is hidden. */
  predicted: Token[];
  log_probability: number | null;
  log_probabilities: (number | null)[];
  /** The positions whose log-probabilities make the sum: missing for all. */
  scored_positions?: number[];
  /** Of a model without an encoder, how many tokens of `decoder_input` are the prompt. */
  prompt?: number;
  /** Of a classifier, all by their numbers, which are their places in the last axis of `logits`
   * and `probabilities`; these have one position. */
  labels?: LikelyLabel[];
  next: NextTokens[];
  attention: Attention[];
  steps: Step[];
  check: Check | null;
  seconds: Seconds;
  baseline: Baseline | null;
  /** What a reader should know of this run, such as an edit that changes nothing. */
  notes?: Note[];
}

/** A text goes through the model, and its forward pass is traced: these are the key of a run. A
 * sentence is translated, a prompt is continued, and what an encoder reads is only read. */
export interface RunParams {
  /** The whole text; of a recording, nothing. */
  text?: string | null;
  /** A translation or continuation to trace instead of the model's own; null for the model's own. */
  target?: string | null;
  /** The same as token ids, without start and end token: exactly these are read. */
  target_ids?: number[] | null;
  /** Number of the sentence that is traced; of a recording, the row of its batch. */
  sentence?: number | null;
  /** Of the search. */
  beam_size?: number | null;
  /** So many tokens at most continue a prompt; of 0 the prompt alone is traced. */
  new_tokens?: number | null;
  /** The register, how a translation says "you": a tag that the model reads first. */
  formality?: "auto" | "tu" | "vous" | null;
  /** What is changed in the model or the source, in this order. */
  edits?: Edit[] | null;
  /** Of a training run, the step whose weights compute; null for the last one. */
  checkpoint?: number | null;
}

/** The beam of one width. */
export interface SavedBeam {
  beam_size: number;
  json: Beam;
}

/** The effects of one query. */
export interface SavedEffects {
  params: SavedPlace;
  json: Effects;
}

/** All that a saved page holds. */
export interface SavedPage {
  /** What stood behind the # of the address. */
  state: string;
  /** Whether it has the steps of all layers, or of one. */
  all_layers: boolean;
  model: Model;
  run: Run;
  beam: SavedBeam | null;
  effects: SavedEffects[];
  /** By part. */
  overview: Record<string, Overview>;
  /** By part. */
  head_kinds: Record<string, HeadKinds>;
  /** Of the first screen; missing of a recording. */
  alignment?: Alignment;
  /** Of the first screen; missing of a recording. */
  discoveries?: Discovery[];
  arrays: StoredArray[];
}

/** Where the links of a saved answer to `effects` start. */
export interface SavedPlace {
  part: string;
  layer: number;
  head: number;
  query: number;
  position: number | null;
}

export type ScalarIndex = number | AxisIndex | SumIndex;

/** An operand that is an integer, which follows from the index of the explained number. */
export interface ScalarOperand {
  symbol: string;
  label: Label;
  scalar: ScalarIndex;
}

/** How long each part of a run took. */
export interface Seconds {
  translate?: number;
  trace?: number;
  check?: number;
}

/** A piece of the text. */
export interface Sentence {
  text: string;
  /** Whether it is a sentence, and nothing that is only handed through. */
  translated: boolean;
  /** What the translator makes of it. */
  translation?: string;
  /** What the model reads. */
  read?: string;
  /** That acted on it. */
  rules?: Rule[];
}

/** One weight is set; with `renormalise` the others of its row share the rest of 1. */
export interface SetWeight {
  kind: "set_weight";
  part: Part;
  layer: number;
  head: number;
  /** Positions of the weight, counted from 0. */
  query: number;
  /** Positions of the weight, counted from 0. */
  key: number;
  /** The weight, in 0 to 1. */
  value: number;
  /** Whether the other weights of the row become (1 - value) in sum, in their old proportions. */
  renormalise?: boolean | null;
}

/** Ids of the special tokens. */
export interface SpecialIds {
  pad: number;
  start: number;
  end: number;
}

/** The residual stream is pushed towards a word, or away from it, at every position. */
export interface Steer {
  kind: "steer";
  /** After which it is pushed; of the decoder, or of an encoder by itself. */
  layer: number;
  /** The id of the word; of a classifier, the number of a label. */
  token: number;
  /** How far, in the length of the vectors of the stream; below 0 away from the word. */
  value: number;
}

/** One step of the forward pass. */
export interface Step {
  path: string;
  shape: number[];
  axes: string[];
  /** How it is computed. */
  formula: string;
  /** The same as on a blackboard, in TeX. */
  notation: string;
  /** The paths of the steps that it follows from. */
  of: string[];
  /** Whether edits changed it; `replaced_at` says where. */
  replaced: boolean;
  replaced_at?: Replacement[];
  derivations: Derivation[];
}

/** How the page gets an array: `stored` numbers, or a `recipe` over other arrays. */
export interface StoredArray {
  path: string;
  /** Of the whole array. */
  shape: number[];
  /** The type that its numbers are stored in, beginning at `start` of all of them. */
  stored?: "float64" | "float32" | "float16" | "int32";
  start?: number;
  /** The numbers are float32 themselves, or rounded to it. */
  single?: boolean;
  /** The operation on the arrays `of`, some with a `number`. */
  recipe?: "copy" | "heads" | "times" | "relu" | "causal" | "normalized" | "affine" | "sum";
  of?: string[];
  number?: number;
  /** Of this axis only the `kept` indices are here. */
  axis?: number;
  kept?: number[];
}

/** The sum of several. */
export interface SumIndex {
  sum: ScalarIndex[];
}

/** Another token stands at this position of the source, or of the prompt. */
export interface SwapToken {
  kind: "swap_token";
  /** Of a token. */
  position: number;
  /** The id to put there. */
  token: number;
}

/** The metric with one edit less the metric without any, for each edit. */
export interface Sweep {
  /** Its class. */
  model: string;
  /** What was edited, one at a time. */
  over: "heads" | "layers" | "positions" | "edges";
  /** Of what kind. */
  edit: "zero" | "mean" | "patch" | "remove";
  /** Of path patching, where the paths lead; null elsewhere. */
  to: SweepReceiver | null;
  /** What the numbers are, in words. */
  measure: string;
  /** The metric without any edit. */
  before: number;
  /** The metric of the run patched from; null where there was none. */
  target: number | null;
  /** Of the values, `module` first. */
  axes: SweepAxis[];
  /** In the order of the axes, the last one fastest; null where there is nothing. */
  values: (number | null)[];
  /** Names of the positions. */
  tokens: SweepTokens;
  /** Remarks for a reader. */
  notes: string[];
}

/** One axis of a sweep's values: `module`, `head`, `position`, `query` or `key`. */
export interface SweepAxis {
  name: string;
  entries: string[];
}

/** What each edit of a sweep did to a number. */
export type SweepParams = Record<string, never>;

/** Where the paths of path patching lead; the module "" and `output` are the model's output. */
export interface SweepReceiver {
  module: string;
  part: "query" | "key" | "value" | "input" | "output";
  /** Of the module; null for all of it. */
  head: number | null;
  /** Patterns of modules that do not pass on what a path changes. */
  freeze: string[];
}

/** Names of the positions; null where nothing names them. */
export interface SweepTokens {
  /** Of the run that was edited. */
  edited: string[] | null;
  /** Of the run that was patched from. */
  source: string[] | null;
  /** Of what the decoder of a model with two stacks read. */
  decoder: string[] | null;
}

/** A token: its id (-1 in a recording, which knows none), and what is written for it. */
export interface Token {
  id: number;
  piece: string;
  special: boolean;
}

/** A token and its probability. */
export interface TokenShare {
  token: Token;
  probability: number;
}

/** The weights that a training run had after a step. */
export interface TrainedCheckpoint {
  /** Of the optimizer; 0 before the first one. */
  step: number;
  /** In nats a prediction; missing where it was not measured. */
  development_loss?: number;
}

/** The translation is too short for the query of an edit, which changes nothing. */
export interface UnreachedNote {
  kind: "unreached";
  edit: number;
}

/** The value of an element of a step of integers. */
export interface ValueIndex {
  value_of: ElementOf;
}

/** Holds where (index[axis] // floordiv) % mod == equals. */
export interface WhenAxis {
  axis: number;
  floordiv?: number;
  mod?: number;
  equals: number;
}

/** Holds for replaced elements: at these places alone, null standing for all of an axis. */
export interface WhenReplaced {
  replaced: true;
  index?: (number | null)[];
}

export type Window = [number, number][];

/** A word of a text: its tokens are those from `start` to before `stop`. */
export interface Word {
  text: string;
  start: number;
  stop: number;
}

/** Entries of the vocabulary. */
export interface Words {
  tokens: Token[];
}

/** Entries of the vocabulary: for a swap, or to name those of a row of logits. */
export interface WordsParams {
  /** What was typed. */
  query: string;
  /** These entries, whatever was typed; null for those that were looked for. */
  ids?: number[] | null;
}

export interface Questions {
  model: { params: ModelParams; json: Model };
  run: { params: RunParams; json: Run };
  words: { params: WordsParams; json: Words };
  neighbours: { params: NeighboursParams; json: Neighbours };
  beam: { params: BeamParams; json: Beam };
  array: { params: ArrayParams; json: Arrays };
  overview: { params: OverviewParams; json: Overview };
  head_kinds: { params: HeadKindsParams; json: HeadKinds };
  effects: { params: EffectsParams; json: Effects };
  lens: { params: LensParams; json: Lens };
  gradients: { params: GradientsParams; json: Gradients };
  alignment: { params: AlignmentParams; json: Alignment };
  discovery: { params: DiscoveryParams; json: Discovery };
  sweep: { params: SweepParams; json: Sweep };
  offline: { params: OfflineParams; json: Offline };
}

export type Question = keyof Questions;
export type Params<Q extends Question> = Questions[Q]["params"];
export type Json<Q extends Question> = Questions[Q]["json"];
