/** What the walk says of the meaning of vectors. */

export const table = {
  en: {
    locale: "en",
    neighbours: {
      title: (token: string) => `What this vector means: the tokens nearest to ${token}`,
      sentence: (of: string) =>
        `Of ${of} other tokens these point most nearly the same way. 1 would be the same direction, 0 a right angle.`,
      cosine: (token: string) => `cosine of the angle with ${token}`,
      none: "Its row is all zeros: it points nowhere, and no token is near to it.",
      offline:
        "A saved page has no table of all tokens: the nearest ones are shown on the page itself.",
      loading: "Comparing with all tokens …",
    },
    arrows: {
      title: "The same score as two arrows",
      sentence:
        "Two vectors lie in one plane, whatever their width. Here they are with their true lengths and their true angle: the longer they are, and the more nearly they point the same way, the higher the score.",
      picture: (query: string, key: string, angle: number) =>
        `The query ${query} and the key ${key} as arrows, ${angle} degrees apart`,
      lengthOf: (token: string) => `length of ${token}`,
      angle: "angle between them",
      cosine: "its cosine",
      product: "length × length × cosine = score",
      others:
        "Thin: the other keys, each at its own angle to the query. The thick part of the query's line is what the key covers of it.",
      noLength: "One of the two vectors is all zeros, so there is no angle between them.",
    },
    lens: "What would each layer say at this position?",
  },
  pt: {
    locale: "pt-BR",
    neighbours: {
      title: (token: string) => `O que este vetor significa: os tokens mais próximos de ${token}`,
      sentence: (of: string) =>
        `Dos outros ${of} tokens, estes apontam mais para o mesmo lado. 1 seria a mesma direção, 0 um ângulo reto.`,
      cosine: (token: string) => `cosseno do ângulo com ${token}`,
      none: "A sua linha só tem zeros: não aponta para lugar nenhum, e nenhum token está próximo.",
      offline:
        "Uma página salva não tem a tabela de todos os tokens: os mais próximos aparecem na própria página.",
      loading: "Comparando com todos os tokens …",
    },
    arrows: {
      title: "A mesma pontuação como duas setas",
      sentence:
        "Dois vetores cabem num plano, seja qual for a sua largura. Aqui estão com os seus comprimentos e o seu ângulo verdadeiros: quanto mais longos e quanto mais apontam para o mesmo lado, maior a pontuação.",
      picture: (query: string, key: string, angle: number) =>
        `A consulta ${query} e a chave ${key} como setas, a ${angle} graus uma da outra`,
      lengthOf: (token: string) => `comprimento de ${token}`,
      angle: "ângulo entre elas",
      cosine: "o seu cosseno",
      product: "comprimento × comprimento × cosseno = pontuação",
      others:
        "Finas: as outras chaves, cada uma no seu próprio ângulo com a consulta. A parte grossa da linha da consulta é o que a chave cobre dela.",
      noLength: "Um dos dois vetores só tem zeros, e por isso não há ângulo entre eles.",
    },
    lens: "O que cada camada diria nesta posição?",
  },
};
