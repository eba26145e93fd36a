/** The terms that the first screen explains. */

export type TermName = "query" | "key" | "head" | "logit";

interface Term {
  name: string;
  lines: [string, string, string];
  lesson: string;
}

const en = {
  lesson: (name: string) => `With pencil and paper: lesson ${name}.`,
  terms: {
    query: {
      name: "query",
      lines: [
        "A query is what a word asks for.",
        "It is a list of numbers, made from the word by weights that were learned.",
        "It is compared with every key: the better two match, the wider the ribbon.",
      ],
      lesson: "1, “Attention by hand”",
    },
    key: {
      name: "key",
      lines: [
        "A key is what a word offers to those who ask.",
        "It is a list of numbers, too, made from the word by weights of its own.",
        "Query times key, number by number and added up, is the score of the two.",
      ],
      lesson: "1, “Attention by hand”",
    },
    head: {
      name: "head",
      lines: [
        "A head is one small attention, with queries and keys of its own.",
        "Each layer has several, and each may look for something else.",
        "What they bring is put side by side and mixed.",
      ],
      lesson: "3, “From one head to a Transformer, without frameworks and with”",
    },
    logit: {
      name: "logits",
      lines: [
        "A logit is the score of one possible next word: any number.",
        "The softmax makes probabilities of all logits, which add up to 1.",
        "Divided by a large temperature they come close together, and so do the probabilities.",
      ],
      lesson: "2, “Why the square root, why a mask, and why rows must sum to one”",
    },
  } as Record<TermName, Term>,
};

const pt: typeof en = {
  lesson: (name) => `Com lápis e papel: lição ${name}.`,
  terms: {
    query: {
      name: "consulta",
      lines: [
        "A consulta é o que uma palavra procura.",
        "É uma lista de números, feita da palavra com pesos aprendidos.",
        "Ela é comparada com cada chave: quanto mais combinam, mais larga a fita.",
      ],
      lesson: "1, “Atenção à mão”",
    },
    key: {
      name: "chave",
      lines: [
        "A chave é o que uma palavra oferece a quem procura.",
        "Também é uma lista de números, feita da palavra com pesos próprios.",
        "Consulta vezes chave, número a número e somado, é a pontuação das duas.",
      ],
      lesson: "1, “Atenção à mão”",
    },
    head: {
      name: "cabeça",
      lines: [
        "Uma cabeça é uma pequena atenção, com consultas e chaves próprias.",
        "Cada camada tem várias, e cada uma pode procurar outra coisa.",
        "O que elas trazem é posto lado a lado e misturado.",
      ],
      lesson: "3, “De uma cabeça a um Transformer, sem frameworks e com eles”",
    },
    logit: {
      name: "logits",
      lines: [
        "Um logit é a pontuação de uma possível próxima palavra: um número qualquer.",
        "O softmax faz dos logits probabilidades, que somam 1.",
        "Divididos por uma temperatura alta eles se aproximam, e as probabilidades também.",
      ],
      lesson: "2, “Por que a raiz quadrada, por que uma máscara e por que as linhas somam um”",
    },
  },
};

export const table = { en, pt };
