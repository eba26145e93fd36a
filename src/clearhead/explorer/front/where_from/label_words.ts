/** What the operands of a classifier's logits are, by the keys of `words`: they are of labels. */

export const table = {
  en: {
    ofLabels: {
      logitsRow: "logits of all labels",
      tokenId: "number of the label",
      outputRow: "row of this label in the output matrix",
      outputRowOfWord: "row of this label in the output matrix",
    } as Record<string, string>,
  },
  pt: {
    ofLabels: {
      logitsRow: "logits de todos os rótulos",
      tokenId: "número do rótulo",
      outputRow: "linha deste rótulo na matriz de saída",
      outputRowOfWord: "linha deste rótulo na matriz de saída",
    },
  },
};
