/** The walk in English. One plain sentence for each panel. */

export const en = {
  locale: "en",
  afterwards: "then",
  or: "or",
  title: "Walk",
  contents: "Steps of the walk",
  query: "Query",
  key: "Key",
  position: "Decoder position",
  previous: "previous",
  next: "next",
  linkTo: (title: string) => `Link to this step: ${title}`,
  stepOf: (number: number, total: number) => `Step ${number} of ${total}`,
  parts: {
    decoder: "decoder self-attention",
    cross: "cross-attention",
  },
  waiting: "Type a sentence above to begin the walk.",
  loading: "Loading numbers …",
  token: "token",
  id: "id",
  special: "special",
  texts: { translation: "Source", generation: "Prompt", encoder: "Text" },
  source: "Source",
  tokens: "Tokens",
  continuation: "Continuation",
  decoderInput: "Decoder input",
  translation: "Translation",
  scale: (most: string) => `colours ±${most}`,
  component: (c: number, last: number) => `component ${c} of 0–${last}`,
  hint: "Arrow keys move from number to number; Enter shows where a number comes from.",
  rowHeader: (token: string, chosen: boolean) => `${token}${chosen ? ", chosen" : ""}`,
  shown: (first: number, last: number, of: number, what: string) =>
    `${what} ${first}–${last} of 0–${of - 1} are shown.`,
  keys: "Keys",
  queries: "Queries",
  earlier: "earlier",
  later: "later",
  elsewhere: (count: number, mass: string) =>
    `The ${count} keys not shown hold ${mass} of this query's weight.`,
  sum: "sum",
  score: "score",
  largest: "largest",
  product: "product",
  allComponents: (count: number) => `All ${count} components`,
  running: "running sum",
  exp: "exp",
  weight: "weight",
  value: "value",
  masked: "masked",
  maskedCell: "masked, minus infinity",
  cell: (query: string, key: string, masked: string) => `${query} → ${key}: ${masked}`,
  all: "All queries and keys",
  thisRow: (token: string) => `Row of the query ${token}`,
  bias: "bias",
  before: "before",
  after: "after",
  mean: "mean",
  variance: "variance",
  meanSquare: "mean square",
  normalized: "normalised",
  output: "output",
  up: "up",
  gate: "gate",
  hidden: "after activation",
  down: "down",
  row: "row of the table",
  scaledRow: "scaled",
  positionVector: "position",
  tokenType: "type of the token",
  capped: "capped",
  compared: "as compared",
  scaledByNorm: "scaled by the norm",
  outputNorm: "Norm of the output",
  inputVector: "input",
  outputVector: "output",
  sideBySide: "side by side",
  bracket: (head: number) => `head ${head} framed`,
  weightTimesValue: "weight × value",
  sumIsOutput: (head: number) => `their sum: output of head ${head}`,
  projected: "projected",
  residualSum: "sum",
  attentionOut: "attention",
  feedOut: "feed-forward",
  walkCross: "Walk through cross-attention",
  rank: "rank",
  logit: "logit",
  probability: "probability",
  taken: { decoder: "chosen", encoder: "in the text" },
  ofVocabulary: (shown: number, of: string) =>
    `The ${shown} most likely of ${of} tokens are shown.`,
  nothingMasked: "Nothing is masked here: every query may attend to every key.",
  rowNotMasked: (matrix: number) =>
    `In this row nothing is masked; in the whole matrix ${matrix} cells are.`,
  rowMasked: (row: number, of: number) => `In this row ${row} of ${of} keys are masked (hatched).`,
  edited: "An edit changed numbers in this step.",
  panels: {
    text: {
      title: "Text",
      encoder: "The sentence as the model receives it.",
      decoder: "The sentence, and the translation that the decoder writes one token at a time.",
      generation: "The prompt, and what the model writes behind it, one token at a time.",
      alone: "The text as the model receives it.",
    },
    tokens: {
      title: "Tokens and ids",
      encoder:
        "The text is split into tokens of the model's vocabulary. Each token has a number, its id; the framed one marks the end.",
      decoder:
        "The decoder reads the start token and then each token already written; at every position it predicts the next one.",
      generation:
        "The text is split into tokens of the model's vocabulary, each with a number, its id. The model reads the prompt and then each token that it has written; at every position it predicts the next one.",
      alone:
        "The text is split into tokens of the model's vocabulary. Each token has a number, its id; framed ones are no words, such as the marks of beginning and end.",
      cross: "Queries come from the decoder's tokens; keys and values come from the source tokens.",
    },
    embedding: {
      title: "Embedding",
      plain: "The id picks one row of a learned table.",
      scaled: (d: number, root: string) =>
        `The id picks one row of a learned table, and the row is multiplied by √${d} = ${root}.`,
    },
    place: {
      title: "Position",
      sinusoidal:
        "A fixed pattern of sines and cosines, different at each position, is added so that the order of the tokens counts.",
      learned:
        "A learned vector, different at each position, is added so that the order of the tokens counts.",
      rotary:
        "Nothing is added here: this model rotates queries and keys by an angle that grows with their position.",
      types:
        "A vector for the type of the token is added, too: a model that reads two texts can tell them apart.",
      normed: "The sum is normalised before the first layer reads it.",
      none: "Nothing is added here: the model has no positions of its own.",
      bias: "Nothing is added here: instead, this model adds to each score a bias that depends on the distance between query and key.",
    },
    input: {
      title: "Input of the layer",
      first: "The first layer reads these sums, one vector for each token.",
      later: (layer: number) =>
        `This layer reads the output of layer ${layer}, one vector for each token.`,
      cross:
        "Self-attention has already added to each of the decoder's vectors; cross-attention reads the result.",
    },
    norm: {
      title: "Norm",
      layer:
        "Each vector is normalised to mean 0 and variance 1, then scaled and shifted by learned numbers.",
      rms: "Each vector is divided by its root mean square, then scaled by learned numbers.",
    },
    vectors: {
      title: "Query, key and value",
      self: "Three learned projections of each token's vector: the query is compared with every key, and the values are passed on.",
      cross:
        "The query is a projection of the decoder's vector; keys and values are projections of the encoder's output.",
      names: { query: "Q, queries", key: "K, keys", value: "V, values" },
      rotated: "Queries and keys are shown after their rotation.",
      normed: "Before that, each head's queries and keys are normalised, each by itself.",
      before: "The chosen query and key, step by step",
      grouped: (count: number) => `${count} query heads share these keys and values.`,
    },
    score: {
      title: "One score",
      sentence:
        "Multiply the query and the key component by component and add up the products: the sum is their score.",
      of: (query: string, key: string) => `${query} (query) with ${key} (key)`,
    },
    scores: {
      title: "Raw scores",
      sentence:
        "The same sum with every key gives the query's row; all queries together give the matrix.",
    },
    scaled: {
      title: "Scaled",
      byNumber: (scale: string) =>
        `Every score is multiplied by ${scale}, a number of this model in place of 1/√d.`,
      sentence: (d: number, root: string) =>
        `Every score is divided by √${d} = ${root}, because a sum of ${d} products varies about √${d} times as widely as a single product.`,
    },
    masked: {
      title: "Masked",
      capped: (cap: string) =>
        `Scores are bent first: s becomes ${cap} · tanh(s / ${cap}), so that none passes ±${cap}.`,
      windowed: (window: number) =>
        `In this layer a query sees ${window} positions, its own and those before it.`,
      sentence:
        "Where a query may not attend to a key, the score becomes −∞, which softmax turns into a weight of 0.",
      biased:
        "A bias for the distance is added; where a query may not attend to a key, the score becomes −∞, which softmax turns into a weight of 0.",
    },
    softmax: {
      title: "Softmax",
      sentence:
        "Subtract the largest score from each score, take exp, and divide by the sum: the results are the routing weights, which add up to 1.",
    },
    contributions: {
      title: "Contributions",
      sentence:
        "Each value is multiplied by its weight, and the sum over the keys is this head's output for the query.",
    },
    heads: {
      title: "Heads and output projection",
      sentence: (heads: number) =>
        `The outputs of all ${heads} heads stand side by side, and a learned projection mixes them into one vector.`,
    },
    residual: {
      title: "Residual and norm",
      parallel:
        "The output of attention is added to the vector that went in. The feed-forward part does not wait for this sum: it reads the same input as attention.",
      sentence:
        "The output of attention is added to the vector that went in, and the sum is normalised for the next step.",
    },
    cross: {
      title: "Cross-attention",
      sentence:
        "Before its feed-forward part, this layer attends to the source and adds the result.",
    },
    feed: {
      title: "Feed-forward",
      sentence: (wide: string, narrow: string, activation: string) =>
        `Each vector, on its own, is projected up to ${wide} numbers, passed through ${activation}, and projected back down to ${narrow}.`,
      parallel: "It reads the input of the layer, beside attention and not after it.",
      activations: {
        relu: "ReLU (negative numbers become 0)",
        gelu: "GELU",
        gelu_tanh: "GELU (with tanh)",
        silu: "SiLU",
        reglu: "ReLU of a gate",
        geglu: "GELU of a gate",
        geglu_tanh: "GELU (with tanh) of a gate",
        swiglu: "SiLU of a gate",
      } as Record<string, string>,
    },
    residualTwo: {
      title: "Residual",
      sentence: (layer: number) =>
        `The result is added to the vector again, which gives the output of layer ${layer}.`,
    },
    final: {
      title: "Output of the stack",
      layers: (first: number, last: number) =>
        first === last
          ? `Layer ${first} works in the same way. `
          : `Layers ${first} to ${last} work in the same way. `,
      encoder: "Every cross-attention computes its keys and values from the encoder's output.",
      decoder: "The next word is predicted from the decoder's output.",
      words: "The words are predicted from this output.",
      nothing: "These vectors are what the model makes of the text, one for each token.",
      norm: "final norm",
      last: "last layer",
    },
    transform: {
      title: "Before the logits",
      sentence:
        "A learned layer and a norm turn each last vector into the one that is compared with the output rows.",
      scaled: "Each last vector is multiplied by a number of the model.",
    },
    logits: {
      title: "Logits",
      sentence: {
        decoder: (vocabulary: string) =>
          `The dot product of the decoder's vector with the output row of a token is its logit: one for each of ${vocabulary} tokens.`,
        encoder: (vocabulary: string) =>
          `The dot product of a position's last vector with the output row of a token is its logit: one for each of ${vocabulary} tokens.`,
      },
      at: {
        decoder: (piece: string, position: number) => `At decoder position ${position}, ${piece}.`,
        encoder: (piece: string, position: number) => `At position ${position}, ${piece}.`,
      },
      vector: { decoder: "decoder output", encoder: "last vector" },
      rowOf: (piece: string) => `row of ${piece}`,
      bent: "The logits are then bent, so that none passes a cap of the model.",
      choose: "Token whose logit is shown",
    },
    words: {
      title: "The ten most likely words",
      sentence: {
        decoder: "Softmax over all logits gives the probability of each next token.",
        encoder: "Softmax over all logits gives the probability of each token at this position.",
      },
    },
  },
};

export type Words = typeof en;
