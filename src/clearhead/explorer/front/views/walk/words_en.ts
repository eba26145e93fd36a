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
  where: (part: string, layer: number, head: number) => `${part}, layer ${layer}, head ${head}`,
  parts: {
    encoder: "encoder self-attention",
    decoder: "decoder self-attention",
    cross: "cross-attention",
  },
  waiting: "Type a sentence above; the walk begins with it.",
  loading: "Loading numbers …",
  token: "token",
  id: "id",
  special: "special",
  source: "Source",
  decoderInput: "Decoder input",
  translation: "Translation",
  scale: (most: string) => `colours ±${most}`,
  component: (c: number, last: number) => `component ${c} of 0–${last}`,
  hint: "Arrow keys move from number to number; Enter asks where it comes from.",
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
  normalized: "normed",
  output: "output",
  up: "up",
  gate: "gate",
  hidden: "after activation",
  down: "down",
  row: "row of the table",
  scaledRow: "scaled",
  positionVector: "position",
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
  taken: "taken",
  ofVocabulary: (shown: number, of: string) => `The ${shown} likeliest of ${of} tokens are shown.`,
  nothingMasked: "Nothing is masked here: every query may attend to every key.",
  rowNotMasked: (matrix: number) =>
    `In this row nothing is masked; in the whole matrix ${matrix} cells are.`,
  rowMasked: (row: number, of: number) => `In this row ${row} of ${of} keys are masked (hatched).`,
  edited: "Numbers here were changed by an edit.",
  panels: {
    text: {
      title: "Text",
      encoder: "The sentence as the model is given it.",
      decoder: "The sentence, and the translation that the decoder writes one token at a time.",
    },
    tokens: {
      title: "Tokens and ids",
      encoder:
        "The text is cut into pieces that the model knows; each has a number, its id, and a framed piece marks the end.",
      decoder:
        "The decoder reads the start mark and then each token already written; from every place it predicts the token after it.",
      cross: "Queries come from the decoder's tokens, keys and values from the source's.",
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
        "A fixed pattern of sines and cosines, different at each place, is added, so that the order of tokens counts.",
      learned:
        "A learned vector, different at each place, is added, so that the order of tokens counts.",
      rotary:
        "Nothing is added here: this model turns queries and keys by an angle that grows with their place.",
      bias: "Nothing is added here: this model adds a bias to each score that depends on the distance of query and key.",
    },
    input: {
      title: "Input of the layer",
      first: "The first layer reads these sums, one vector for each token.",
      later: (layer: number) => `This layer reads what layer ${layer} made of each token.`,
      cross:
        "Self-attention has already added to each of the decoder's vectors; cross-attention reads the result.",
    },
    norm: {
      title: "Norm",
      layer:
        "Each vector is brought to mean 0 and variance 1, then multiplied and shifted by learned numbers.",
      rms: "Each vector is divided by its root mean square, then multiplied by learned numbers.",
    },
    vectors: {
      title: "Query, key and value",
      self: "Three learned projections of each token's vector: its query is compared with every key, and the values are what is passed on.",
      cross:
        "The query is a projection of the decoder's vector; keys and values are projections of the encoder's output.",
      names: { query: "Q, queries", key: "K, keys", value: "V, values" },
      rotated: "Queries and keys are shown after their rotation.",
      grouped: (count: number) => `${count} heads of queries share these keys and values.`,
    },
    score: {
      title: "One score",
      sentence:
        "Multiply query and key component by component and add the products up: the sum is their score.",
      of: (query: string, key: string) => `${query} (query) with ${key} (key)`,
    },
    scores: {
      title: "Raw scores",
      sentence:
        "The same sum with every key gives the query's row; all queries together give the matrix.",
    },
    scaled: {
      title: "Scaled",
      sentence: (d: number, root: string) =>
        `Every score is divided by √${d} = ${root}, because a sum of ${d} products spreads about √${d} times as wide as one.`,
    },
    masked: {
      title: "Masked",
      sentence:
        "Where a query may not attend, the score becomes −∞, which softmax turns into a weight of 0.",
      biased:
        "A bias for the distance is added; where a query may not attend, the score becomes −∞, which softmax turns into a weight of 0.",
    },
    softmax: {
      title: "Softmax",
      sentence:
        "Take exp of each score less the largest, and divide by their sum: the routing weights, which add up to 1.",
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
      sentence:
        "The attention's result is added to the vector that went in, and the sum is normed for the next step.",
    },
    cross: {
      title: "Cross-attention",
      sentence:
        "Before its feed-forward part this layer attends to the source, and adds what it takes from there.",
    },
    feed: {
      title: "Feed-forward",
      sentence: (wide: string, narrow: string, activation: string) =>
        `Each vector by itself is projected up to ${wide} numbers, passed through ${activation}, and projected down to ${narrow}.`,
      activations: {
        relu: "ReLU (negative numbers become 0)",
        gelu: "GELU",
        gelu_tanh: "GELU (with tanh)",
        silu: "SiLU",
        reglu: "ReLU of a gate",
        geglu: "GELU of a gate",
        swiglu: "SiLU of a gate",
      } as Record<string, string>,
    },
    residualTwo: {
      title: "Residual",
      sentence: (layer: number) => `The result is added once more: the output of layer ${layer}.`,
    },
    final: {
      title: "Output of the stack",
      layers: (first: number, last: number) =>
        first === last
          ? `Layer ${first} follows in the same way. `
          : `Layers ${first} to ${last} follow in the same way. `,
      encoder: "The encoder's output is what every cross-attention makes its keys and values from.",
      decoder: "The decoder's output is what the next word is read from.",
      norm: "final norm",
      last: "last layer",
    },
    logits: {
      title: "Logits",
      sentence: (vocabulary: string) =>
        `The decoder's vector is multiplied with the output row of every token: one logit for each of ${vocabulary}.`,
      at: (piece: string, position: number) => `At decoder position ${position}, ${piece}.`,
      vector: "decoder output",
      rowOf: (piece: string) => `row of ${piece}`,
      choose: "Token of which the logit is shown",
    },
    words: {
      title: "The ten likeliest words",
      sentence: "Softmax over all logits gives the probability of each next token.",
    },
  },
};

export type Words = typeof en;
