/** The walk in Portuguese. */

import type { Words } from "./words_en";

export const pt: Words = {
  locale: "pt-BR",
  afterwards: "depois",
  or: "ou",
  title: "Percurso",
  contents: "Passos do percurso",
  query: "Consulta",
  key: "Chave",
  position: "Posição no decodificador",
  previous: "anterior",
  next: "próximo",
  linkTo: (title) => `Ligação para este passo: ${title}`,
  stepOf: (number, total) => `Passo ${number} de ${total}`,
  parts: {
    decoder: "autoatenção do decodificador",
    cross: "atenção cruzada",
  },
  waiting: "Escreva uma frase acima para começar o percurso.",
  loading: "Carregando números …",
  token: "token",
  id: "id",
  special: "especial",
  texts: { translation: "Origem", generation: "Começo", encoder: "Texto" },
  source: "Origem",
  tokens: "Tokens",
  continuation: "Continuação",
  decoderInput: "Entrada do decodificador",
  translation: "Tradução",
  scale: (most) => `cores ±${most}`,
  component: (c, last) => `componente ${c} de 0–${last}`,
  hint: "As setas vão de número em número; Enter mostra de onde um número vem.",
  rowHeader: (token, chosen) => `${token}${chosen ? ", escolhido" : ""}`,
  shown: (first, last, of, what) =>
    `À vista: ${what.toLowerCase()} ${first}–${last} de 0–${of - 1}.`,
  keys: "Chaves",
  queries: "Consultas",
  earlier: "anteriores",
  later: "seguintes",
  elsewhere: (count, mass) =>
    `As ${count} chaves que não aparecem têm ${mass} do peso desta consulta.`,
  sum: "soma",
  score: "pontuação",
  largest: "maior",
  product: "produto",
  allComponents: (count: number) => `Todos os ${count} componentes`,
  running: "soma parcial",
  exp: "exp",
  weight: "peso",
  value: "valor",
  masked: "mascarada",
  maskedCell: "mascarada, menos infinito",
  cell: (query, key, masked) => `${query} → ${key}: ${masked}`,
  all: "Todas as consultas e chaves",
  thisRow: (token) => `Linha da consulta ${token}`,
  bias: "viés",
  before: "antes",
  after: "depois",
  mean: "média",
  variance: "variância",
  meanSquare: "média dos quadrados",
  normalized: "normalizado",
  output: "saída",
  up: "subida",
  gate: "porta",
  hidden: "após a ativação",
  down: "descida",
  row: "linha da tabela",
  scaledRow: "escalada",
  positionVector: "posição",
  tokenType: "tipo do token",
  capped: "limitada",
  compared: "como é comparada",
  scaledByNorm: "escalada pela norma",
  outputNorm: "Norma da saída",
  inputVector: "entrada",
  outputVector: "saída",
  sideBySide: "lado a lado",
  bracket: (head) => `cabeça ${head} emoldurada`,
  weightTimesValue: "peso × valor",
  sumIsOutput: (head) => `sua soma: saída da cabeça ${head}`,
  projected: "projetado",
  residualSum: "soma",
  attentionOut: "atenção",
  feedOut: "feed-forward",
  walkCross: "Percorrer a atenção cruzada",
  rank: "lugar",
  logit: "logit",
  probability: "probabilidade",
  taken: { decoder: "escolhido", encoder: "no texto" },
  ofVocabulary: (shown, of) => `À vista, os ${shown} mais prováveis de ${of} tokens.`,
  nothingMasked: "Aqui nada é mascarado: toda consulta pode dar atenção a toda chave.",
  rowNotMasked: (matrix) =>
    `Nesta linha nada é mascarado; na matriz inteira, ${matrix} células são.`,
  rowMasked: (row, of) => `Nesta linha, ${row} de ${of} chaves são mascaradas (hachuradas).`,
  edited: "Uma edição mudou números deste passo.",
  panels: {
    text: {
      title: "Texto",
      encoder: "A frase como o modelo a recebe.",
      decoder: "A frase, e a tradução que o decodificador escreve, um token de cada vez.",
      generation: "O começo, e o que o modelo escreve depois dele, um token de cada vez.",
      alone: "O texto como o modelo o recebe.",
    },
    tokens: {
      title: "Tokens e ids",
      encoder:
        "O texto é dividido em tokens do vocabulário do modelo. Cada token tem um número, seu id; o emoldurado marca o fim.",
      decoder:
        "O decodificador lê o token de início e depois cada token já escrito; em cada posição, prevê o seguinte.",
      generation:
        "O texto é dividido em tokens do vocabulário do modelo, cada um com um número, seu id. O modelo lê o começo e depois cada token que escreveu; em cada posição, prevê o seguinte.",
      alone:
        "O texto é dividido em tokens do vocabulário do modelo. Cada token tem um número, seu id; os emoldurados não são palavras, como as marcas de começo e fim.",
      cross:
        "As consultas vêm dos tokens do decodificador; as chaves e os valores, dos tokens da origem.",
    },
    embedding: {
      title: "Embedding",
      plain: "O id escolhe uma linha de uma tabela aprendida.",
      scaled: (d, root) =>
        `O id escolhe uma linha de uma tabela aprendida, e a linha é multiplicada por √${d} = ${root}.`,
    },
    place: {
      title: "Posição",
      sinusoidal:
        "Soma-se um padrão fixo de senos e cossenos, diferente em cada posição, para que a ordem dos tokens conte.",
      learned:
        "Soma-se um vetor aprendido, diferente em cada posição, para que a ordem dos tokens conte.",
      rotary:
        "Aqui nada se soma: este modelo gira consultas e chaves por um ângulo que cresce com a posição.",
      types:
        "Soma-se também um vetor para o tipo do token: um modelo que lê dois textos pode distingui-los.",
      normed: "A soma é normalizada antes que a primeira camada a leia.",
      none: "Aqui nada se soma: o modelo não tem posições próprias.",
      bias: "Aqui nada se soma: em vez disso, este modelo soma a cada pontuação um viés que depende da distância entre consulta e chave.",
    },
    input: {
      title: "Entrada da camada",
      first: "A primeira camada lê essas somas, um vetor por token.",
      later: (layer) => `Esta camada lê a saída da camada ${layer}, um vetor por token.`,
      cross:
        "A autoatenção já somou algo a cada vetor do decodificador; a atenção cruzada lê o resultado.",
    },
    norm: {
      title: "Norma",
      layer:
        "Cada vetor é normalizado para média 0 e variância 1, depois escalado e deslocado por números aprendidos.",
      rms: "Cada vetor é dividido pela raiz da média de seus quadrados, depois escalado por números aprendidos.",
    },
    vectors: {
      title: "Consulta, chave e valor",
      self: "Três projeções aprendidas do vetor de cada token: a consulta é comparada com cada chave, e os valores são o que se passa adiante.",
      cross:
        "A consulta é uma projeção do vetor do decodificador; chaves e valores são projeções da saída do codificador.",
      names: { query: "Q, consultas", key: "K, chaves", value: "V, valores" },
      rotated: "Consultas e chaves aparecem depois da rotação.",
      normed:
        "Antes disso, as consultas e chaves de cada cabeça são normalizadas, cada uma por si.",
      before: "A consulta e a chave escolhidas, passo a passo",
      grouped: (count) => `${count} cabeças de consultas compartilham estas chaves e valores.`,
    },
    score: {
      title: "Uma pontuação",
      sentence:
        "Multiplique a consulta e a chave componente por componente e some os produtos: a soma é a pontuação delas.",
      of: (query, key) => `${query} (consulta) com ${key} (chave)`,
    },
    scores: {
      title: "Pontuações brutas",
      sentence:
        "A mesma soma com cada chave dá a linha da consulta; todas as consultas juntas dão a matriz.",
    },
    scaled: {
      title: "Escaladas",
      byNumber: (scale) =>
        `Cada pontuação é multiplicada por ${scale}, um número deste modelo em lugar de 1/√d.`,
      sentence: (d, root) =>
        `Cada pontuação é dividida por √${d} = ${root}, porque uma soma de ${d} produtos varia cerca de √${d} vezes mais que um só produto.`,
    },
    masked: {
      title: "Mascaradas",
      capped: (cap) =>
        `Antes, as pontuações são curvadas: s vira ${cap} · tanh(s / ${cap}), e nenhuma passa de ±${cap}.`,
      windowed: (window) =>
        `Nesta camada uma consulta vê ${window} posições, a sua e as anteriores.`,
      sentence:
        "Onde uma consulta não pode dar atenção a uma chave, a pontuação vira −∞, que a softmax transforma em peso 0.",
      biased:
        "Soma-se um viés pela distância; onde uma consulta não pode dar atenção a uma chave, a pontuação vira −∞, que a softmax transforma em peso 0.",
    },
    softmax: {
      title: "Softmax",
      sentence:
        "Subtraia de cada pontuação a maior, tome exp e divida pela soma: os resultados são os pesos de roteamento, que somam 1.",
    },
    contributions: {
      title: "Contribuições",
      sentence:
        "Cada valor é multiplicado por seu peso, e a soma sobre as chaves é a saída desta cabeça para a consulta.",
    },
    heads: {
      title: "Cabeças e projeção de saída",
      sentence: (heads) =>
        `As saídas das ${heads} cabeças ficam lado a lado, e uma projeção aprendida as mistura em um só vetor.`,
    },
    residual: {
      title: "Resíduo e norma",
      parallel:
        "A saída da atenção é somada ao vetor que entrou. A parte feed-forward não espera por essa soma: lê a mesma entrada que a atenção.",
      sentence:
        "A saída da atenção é somada ao vetor que entrou, e a soma é normalizada para o passo seguinte.",
    },
    cross: {
      title: "Atenção cruzada",
      sentence: "Antes da parte feed-forward, esta camada dá atenção à origem e soma o resultado.",
    },
    feed: {
      title: "Feed-forward",
      sentence: (wide, narrow, activation) =>
        `Cada vetor, por si só, é projetado para ${wide} números, passa por ${activation} e é projetado de volta para ${narrow}.`,
      parallel: "Ela lê a entrada da camada, ao lado da atenção e não depois dela.",
      activations: {
        relu: "ReLU (números negativos viram 0)",
        gelu: "GELU",
        gelu_tanh: "GELU (com tanh)",
        silu: "SiLU",
        reglu: "ReLU de uma porta",
        geglu: "GELU de uma porta",
        geglu_tanh: "GELU (com tanh) de uma porta",
        swiglu: "SiLU de uma porta",
      } as Record<string, string>,
    },
    residualTwo: {
      title: "Resíduo",
      sentence: (layer) =>
        `O resultado é somado de novo ao vetor, o que dá a saída da camada ${layer}.`,
    },
    final: {
      title: "Saída da pilha",
      layers: (first, last) =>
        first === last
          ? `A camada ${first} funciona do mesmo modo. `
          : `As camadas ${first} a ${last} funcionam do mesmo modo. `,
      encoder:
        "Cada atenção cruzada calcula suas chaves e seus valores a partir da saída do codificador.",
      decoder: "A próxima palavra é prevista a partir da saída do decodificador.",
      words: "As palavras são previstas a partir desta saída.",
      nothing: "Estes vetores são o que o modelo faz do texto, um para cada token.",
      norm: "norma final",
      last: "última camada",
    },
    transform: {
      title: "Antes dos logits",
      sentence:
        "Uma camada aprendida e uma norma fazem de cada último vetor aquele que é comparado com as linhas de saída.",
      scaled: "Cada último vetor é multiplicado por um número do modelo.",
    },
    logits: {
      title: "Logits",
      sentence: {
        decoder: (vocabulary) =>
          `O produto escalar do vetor do decodificador com a linha de saída de um token é o seu logit: um para cada um de ${vocabulary} tokens.`,
        encoder: (vocabulary) =>
          `O produto escalar do último vetor de uma posição com a linha de saída de um token é o seu logit: um para cada um de ${vocabulary} tokens.`,
      },
      at: {
        decoder: (piece, position) => `Na posição ${position} do decodificador, ${piece}.`,
        encoder: (piece, position) => `Na posição ${position}, ${piece}.`,
      },
      vector: { decoder: "saída do decodificador", encoder: "último vetor" },
      rowOf: (piece) => `linha de ${piece}`,
      bent: "Depois os logits são curvados, e nenhum passa de um limite do modelo.",
      choose: "Token cujo logit aparece",
    },
    words: {
      title: "As dez palavras mais prováveis",
      sentence: {
        decoder: "A softmax de todos os logits dá a probabilidade de cada próximo token.",
        encoder: "A softmax de todos os logits dá a probabilidade de cada token nesta posição.",
      },
    },
  },
};
