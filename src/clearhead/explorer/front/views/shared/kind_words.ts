/** The names of the kinds of heads. */

const en = {
  previous: "previous token",
  next: "next token",
  same: "the same token",
  first: "first token",
  last: "last token",
  aligned: "aligned",
  broad: "broad",
  mixed: "mixed",
};

const pt: typeof en = {
  previous: "token anterior",
  next: "próximo token",
  same: "o mesmo token",
  first: "primeiro token",
  last: "último token",
  aligned: "alinhada",
  broad: "ampla",
  mixed: "mista",
};

export const table = { en, pt };
