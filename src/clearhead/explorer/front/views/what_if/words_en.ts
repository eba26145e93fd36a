/** Every word of the view of edits and of the banner, in English. */

export const en = {
  title: "What if",
  none: "Translate a sentence, then change something in the model.",
  count: (edits: number) => (edits === 1 ? "1 edit" : `${edits} edits`),
  banner: "The numbers in every view are those of the edited model.",
  bannerAsking: "Computing: the numbers in every view are still those from before the change.",
  bannerFailed:
    "Not applied, for the reason above: the numbers in every view are those from before the change.",
  notApplied: "Nothing to compare: these edits have not been applied.",
  removeAll: "Remove all",
  remove: "Remove",
  removeLong: (edit: string) => `Remove: ${edit}`,
  undo: "Undo",
  open: "See the change",
  editsTitle: "Edits",
  noEdits: "No edits: the model is unchanged.",
  quickTitle: "Quick edits",
  ablateThis: "Ablate this head",
  ablated: "Ablated",
  ablateHelp: (name: string) => `The locked head: ${name}. Its output becomes 0.`,
  maskThis: {
    translation: "Mask tokens of the source",
    generation: "Mask tokens of the prompt",
    encoder: "Mask tokens of the text",
  },
  maskHelp: "Click a token so that no query attends to it; click it again to restore it.",
  masked: "masked",
  addTitle: "Add an edit",
  kind: "Change",
  kinds: {
    ablate_head: "Ablate a head",
    set_weight: "Set a routing weight",
    mask_token: "Mask a token",
    swap_token: "Swap a token",
    attention_temperature: "Temperature of a head",
    output_temperature: "Temperature of the output",
    steer: "Steer towards a word",
  },
  steerToLabel: "Steer towards a label",
  steerToLabelWhy:
    "After this layer, every vector of the residual stream is pushed towards the label, along its row of the output matrix; a negative number pushes away from it.",
  explain: {
    ablate_head: "The head’s output becomes 0 for every query.",
    set_weight: "One weight of one row is set to the value below.",
    mask_token: "No query attends to this position, in any layer.",
    swap_token: "Another token takes this position.",
    attention_temperature:
      "The scaled scores are divided by it before the softmax: above 1 the weights become more even, below 1 more peaked.",
    output_temperature:
      "The logits are divided by it: above 1 the probabilities of words or labels become more even, below 1 more peaked.",
    steer:
      "After this layer, every vector of the residual stream is pushed towards the word, along its row of the output matrix; a negative number pushes away from it.",
  },
  parts: {
    encoder: "Encoder self-attention",
    decoder: "Decoder self-attention",
    cross: "Cross-attention",
  },
  part: "Part",
  layer: "Layer",
  head: "Head",
  query: "Query",
  key: "Key",
  value: "Value",
  weight: "Weight",
  temperature: "Temperature",
  push: "Push",
  position: "Token",
  renormalise: "Renormalise the row",
  renormaliseWhy:
    "On: the row’s other weights share what is left, in proportion, so that it still sums to 1. Off: they stay as they are.",
  replacement: "Replacement",
  replacementHelp: "Type a word; choose with the arrow keys and Enter.",
  searching: "Searching…",
  noWords: "No token of the vocabulary begins with this.",
  chooseWord: "Choose a token first.",
  add: "Add",
  headName: (part: string, layer: number, head: number) => `${part}, layer ${layer}, head ${head}`,
  sides: { translation: "Source token", generation: "Prompt token", encoder: "Token" },
  describe: {
    ablate_head: (head: string) => `${head}: ablated`,
    set_weight: (head: string, query: string, key: string, value: string, renormalised: boolean) =>
      `${head}: weight of ${query} on ${key} set to ${value}, ${renormalised ? "row renormalised" : "row left as it is"}`,
    mask_token: (side: string, token: string) => `${side} ${token}: masked`,
    swap_token: (side: string, token: string, other: string) =>
      `${side} ${token}: replaced by ${other}`,
    attention_temperature: (head: string, value: string) => `${head}: temperature ${value}`,
    output_temperature: (value: string) => `Output: temperature ${value}`,
    steer: (layer: number, word: string, push: string) =>
      `After layer ${layer}: pushed by ${push} towards ${word}`,
  },
  tokenNumber: (id: number) => `token ${id}`,
  resultTitle: "Before and after",
  asking: "Computing…",
  before: "Before",
  after: "After",
  same: {
    translation: "The translation stays the same.",
    generation: "The continuation stays the same.",
    encoder: "The same words stay the likeliest.",
  },
  label: "Label",
  sameLabel: "The label stays the same.",
  otherLabel: "The label is another.",
  differs: (removed: number, added: number) =>
    `Tokens removed: ${removed}. Tokens added: ${added}.`,
  removedWord: "removed",
  addedWord: "added",
  legendRemoved: "struck through: removed",
  legendAdded: "underlined: added",
  measure: "Log-probability",
  ofOwn: {
    translation: "of its own translation",
    generation: "of its own continuation",
    encoder: "of its own words",
  },
  ofOriginal: {
    translation: "of the original translation",
    generation: "of the original continuation",
    encoder: "of the original words",
  },
  underOriginal: "original model",
  underEdited: "edited model",
  change: "Change",
  changeNote:
    "If the words differ, the first line compares two different texts; the second line compares the two models on the same words.",
  perWordTitle: {
    translation: "Each word of the original translation",
    generation: "Each token of the prompt and of the original continuation",
    encoder: "Each token of the text",
  },
  perWordNote:
    "Change in its log-probability, given the same words before it. Left of the middle: the edited model finds it less likely.",
  scaleEffect: (largest: string) => `−${largest} to ${largest}`,
  word: "Word",
  nextTitle: "Next-word probabilities, before and after",
  nextAt: (position: number, prefix: string) =>
    prefix
      ? `Position ${position}, after “${prefix}”, the same beginning for both models`
      : `Position ${position}, at the beginning of the translation`,
  thereAt: (position: number, token: string) => `Position ${position}, where “${token}” stands`,
  original: "original word",
  retokenised:
    "The original words, read back, split into other tokens than the model wrote, so they cannot be compared one by one.",
  took: (milliseconds: string, search: string, trace: string) =>
    `Took ${milliseconds} ms in this page (the fast model ${search} ms, every step in float64 ${trace} ms).`,
  tookServer: (search: string, trace: string) =>
    `Computed in: the fast model ${search} ms, every step in float64 ${trace} ms.`,
  outputTitle: "How far each output vector moved",
  outputNote:
    "The length of the difference between before and after, as a share of the vector’s length before.",
  token: "Token",
  special: "special token",
};

export type Words = typeof en;
