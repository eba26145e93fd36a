/** The names of the kinds of heads. */

const en = {
  previous: "previous token",
  next: "next token",
  same: "the same token",
  first: "first token",
  last: "last token",
  duplicate: "duplicate token",
  induction: "induction",
  aligned: "aligned",
  local: "local",
  broad: "broad",
  mixed: "mixed",
};

const pt: typeof en = {
  previous: "token anterior",
  next: "próximo token",
  same: "o mesmo token",
  first: "primeiro token",
  last: "último token",
  duplicate: "token repetido",
  induction: "indução",
  aligned: "alinhada",
  local: "local",
  broad: "ampla",
  mixed: "mista",
};

export const table = { en, pt };
