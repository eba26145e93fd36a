/** What the walk says while a step comes about. */

export const table = {
  en: {
    play: "Play this step",
    pause: "Pause",
    scrub: "How far the step has come",
    at: (moment: number, of: number) => `${moment} of ${of}`,
    bars: "One bar for each key",
    scores: {
      first: (query: string) => `The query ${query} meets each key in turn.`,
      one: (key: string, score: string) => `With the key ${key} its score is ${score}.`,
      last: (count: number, query: string) => `${count} scores: the row of ${query}.`,
    },
    scaled: {
      before: "The raw scores.",
      divided: (d: number, root: string) =>
        `All divided by √${d} = ${root}: the bars shrink alike.`,
      multiplied: "All multiplied by one number: the bars shrink or grow alike.",
    },
    masked: {
      before: "The scaled scores.",
      capped: "Large ones are bent towards the cap.",
      biased: "The bias of each distance is added, and what is out of sight becomes −∞.",
      after: "What the query may not see becomes −∞.",
    },
    softmax: {
      minusLargest: "less the largest",
      scores: "The scores of this query.",
      shifted: (largest: string) => `The largest, ${largest}, is taken off: the best is now 0.`,
      exp: "exp makes each of them positive, and 0 becomes 1.",
      sum: (sum: string) => `Together they are ${sum}.`,
      divided: (sum: string) => `Divided by ${sum}, they are weights: together 1.`,
    },
    score: {
      first: (count: number) => `${count} numbers of the query wait above ${count} of the key.`,
      one: (q: string, k: string, product: string, c: number, sum: string) =>
        `${q} × ${k} = ${product} (component ${c}); the sum so far is ${sum}.`,
      last: (count: number, score: string) =>
        `The sum of ${count} products is the score: ${score}.`,
      picture: "The product of each component, and the sum of the products so far",
      bars: "products",
      line: "sum so far",
    },
    mix: {
      first: "Every key waits with its value and its weight.",
      one: (weight: string, key: string) => `${weight} of the value of ${key} is added.`,
      last: (count: number) => `The sum of ${count} weighted values is the output of the head.`,
      lastOf: (others: number) =>
        `With the ${others} keys that are not shown, the sum is the output of the head.`,
    },
  },
  pt: {
    play: "Mostrar este passo em movimento",
    pause: "Pausar",
    scrub: "Até onde o passo chegou",
    at: (moment: number, of: number) => `${moment} de ${of}`,
    bars: "Uma barra para cada chave",
    scores: {
      first: (query: string) => `A consulta ${query} encontra uma chave após a outra.`,
      one: (key: string, score: string) => `Com a chave ${key}, a pontuação é ${score}.`,
      last: (count: number, query: string) => `${count} pontuações: a linha de ${query}.`,
    },
    scaled: {
      before: "As pontuações brutas.",
      divided: (d: number, root: string) =>
        `Todas divididas por √${d} = ${root}: as barras encolhem por igual.`,
      multiplied: "Todas multiplicadas por um número: as barras mudam por igual.",
    },
    masked: {
      before: "As pontuações escaladas.",
      capped: "As grandes são curvadas na direção do limite.",
      biased: "Soma-se o viés de cada distância, e o que está fora de vista torna-se −∞.",
      after: "O que a consulta não pode ver torna-se −∞.",
    },
    softmax: {
      minusLargest: "menos a maior",
      scores: "As pontuações desta consulta.",
      shifted: (largest: string) => `Subtrai-se a maior, ${largest}: a melhor agora é 0.`,
      exp: "exp torna todas positivas, e 0 vira 1.",
      sum: (sum: string) => `Juntas, somam ${sum}.`,
      divided: (sum: string) => `Divididas por ${sum}, são pesos: juntos, 1.`,
    },
    score: {
      first: (count: number) =>
        `${count} números da consulta esperam acima de ${count} números da chave.`,
      one: (q: string, k: string, product: string, c: number, sum: string) =>
        `${q} × ${k} = ${product} (componente ${c}); a soma até aqui é ${sum}.`,
      last: (count: number, score: string) =>
        `A soma de ${count} produtos é a pontuação: ${score}.`,
      picture: "O produto de cada componente, e a soma dos produtos até aqui",
      bars: "produtos",
      line: "soma até aqui",
    },
    mix: {
      first: "Cada chave espera com o seu valor e o seu peso.",
      one: (weight: string, key: string) => `Soma-se ${weight} do valor de ${key}.`,
      last: (count: number) => `A soma de ${count} valores ponderados é a saída da cabeça.`,
      lastOf: (others: number) =>
        `Com as ${others} chaves que não aparecem, a soma é a saída da cabeça.`,
    },
  },
};
