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
  where: (part, layer, head) => `${part}, camada ${layer}, cabeça ${head}`,
  parts: {
    encoder: "autoatenção do codificador",
    decoder: "autoatenção do decodificador",
    cross: "atenção cruzada",
  },
  waiting: "Escreva uma frase acima; o percurso começa com ela.",
  loading: "Carregando números …",
  token: "token",
  id: "id",
  special: "especial",
  source: "Origem",
  decoderInput: "Entrada do decodificador",
  translation: "Tradução",
  scale: (most) => `cores ±${most}`,
  component: (c, last) => `componente ${c} de 0–${last}`,
  hint: "As setas vão de número em número; Enter pergunta de onde ele vem.",
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
  taken: "escolhido",
  ofVocabulary: (shown, of) => `À vista, os ${shown} mais prováveis de ${of} tokens.`,
  nothingMasked: "Aqui nada é mascarado: toda consulta pode dar atenção a toda chave.",
  rowNotMasked: (matrix) =>
    `Nesta linha nada é mascarado; na matriz inteira, ${matrix} células são.`,
  rowMasked: (row, of) => `Nesta linha, ${row} de ${of} chaves são mascaradas (hachuradas).`,
  edited: "Há números aqui mudados por uma edição.",
  panels: {
    text: {
      title: "Texto",
      encoder: "A frase como o modelo a recebe.",
      decoder: "A frase, e a tradução que o decodificador escreve, um token de cada vez.",
    },
    tokens: {
      title: "Tokens e ids",
      encoder:
        "O texto é cortado em pedaços que o modelo conhece; cada um tem um número, seu id, e um pedaço emoldurado marca o fim.",
      decoder:
        "O decodificador lê a marca de início e depois cada token já escrito; de cada lugar, prevê o token seguinte.",
      cross: "As consultas vêm dos tokens do decodificador; as chaves e os valores, dos da origem.",
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
        "Soma-se um padrão fixo de senos e cossenos, diferente em cada lugar, para que a ordem dos tokens conte.",
      learned:
        "Soma-se um vetor aprendido, diferente em cada lugar, para que a ordem dos tokens conte.",
      rotary:
        "Aqui nada se soma: este modelo gira consultas e chaves por um ângulo que cresce com o lugar.",
      bias: "Aqui nada se soma: este modelo soma a cada pontuação um viés que depende da distância entre consulta e chave.",
    },
    input: {
      title: "Entrada da camada",
      first: "A primeira camada lê essas somas, um vetor por token.",
      later: (layer) => `Esta camada lê o que a camada ${layer} fez de cada token.`,
      cross:
        "A autoatenção já somou algo a cada vetor do decodificador; a atenção cruzada lê o resultado.",
    },
    norm: {
      title: "Norma",
      layer:
        "Cada vetor é levado a média 0 e variância 1, depois multiplicado e deslocado por números aprendidos.",
      rms: "Cada vetor é dividido pela raiz da média de seus quadrados, depois multiplicado por números aprendidos.",
    },
    vectors: {
      title: "Consulta, chave e valor",
      self: "Três projeções aprendidas do vetor de cada token: a consulta é comparada com cada chave, e os valores são o que se passa adiante.",
      cross:
        "A consulta é uma projeção do vetor do decodificador; chaves e valores são projeções da saída do codificador.",
      names: { query: "Q, consultas", key: "K, chaves", value: "V, valores" },
      rotated: "Consultas e chaves aparecem depois da rotação.",
      grouped: (count) => `${count} cabeças de consultas compartilham estas chaves e valores.`,
    },
    score: {
      title: "Uma pontuação",
      sentence:
        "Multiplique consulta e chave componente por componente e some os produtos: a soma é a pontuação delas.",
      of: (query, key) => `${query} (consulta) com ${key} (chave)`,
    },
    scores: {
      title: "Pontuações brutas",
      sentence:
        "A mesma soma com cada chave dá a linha da consulta; todas as consultas juntas dão a matriz.",
    },
    scaled: {
      title: "Escaladas",
      sentence: (d, root) =>
        `Cada pontuação é dividida por √${d} = ${root}, porque uma soma de ${d} produtos se espalha cerca de √${d} vezes mais que um só.`,
    },
    masked: {
      title: "Mascaradas",
      sentence:
        "Onde uma consulta não pode dar atenção, a pontuação vira −∞, que a softmax transforma em peso 0.",
      biased:
        "Soma-se um viés pela distância; onde uma consulta não pode dar atenção, a pontuação vira −∞, que a softmax transforma em peso 0.",
    },
    softmax: {
      title: "Softmax",
      sentence:
        "Tome exp de cada pontuação menos a maior e divida pela soma: são os pesos de roteamento, que somam 1.",
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
      sentence:
        "O resultado da atenção é somado ao vetor que entrou, e a soma é normalizada para o passo seguinte.",
    },
    cross: {
      title: "Atenção cruzada",
      sentence:
        "Antes da parte feed-forward, esta camada dá atenção à origem e soma o que toma de lá.",
    },
    feed: {
      title: "Feed-forward",
      sentence: (wide, narrow, activation) =>
        `Cada vetor, por si só, é projetado para ${wide} números, passa por ${activation} e é projetado de volta para ${narrow}.`,
      activations: {
        relu: "ReLU (números negativos viram 0)",
        gelu: "GELU",
        gelu_tanh: "GELU (com tanh)",
        silu: "SiLU",
        reglu: "ReLU de uma porta",
        geglu: "GELU de uma porta",
        swiglu: "SiLU de uma porta",
      } as Record<string, string>,
    },
    residualTwo: {
      title: "Resíduo",
      sentence: (layer) => `O resultado é somado mais uma vez: é a saída da camada ${layer}.`,
    },
    final: {
      title: "Saída da pilha",
      layers: (first, last) =>
        first === last
          ? `A camada ${first} segue do mesmo modo. `
          : `As camadas ${first} a ${last} seguem do mesmo modo. `,
      encoder: "Da saída do codificador, cada atenção cruzada faz suas chaves e seus valores.",
      decoder: "Da saída do decodificador se lê a próxima palavra.",
      norm: "norma final",
      last: "última camada",
    },
    logits: {
      title: "Logits",
      sentence: (vocabulary) =>
        `O vetor do decodificador é multiplicado pela linha de saída de cada token: um logit para cada um dos ${vocabulary}.`,
      at: (piece, position) => `Na posição ${position} do decodificador, ${piece}.`,
      vector: "saída do decodificador",
      rowOf: (piece) => `linha de ${piece}`,
      choose: "Token cujo logit aparece",
    },
    words: {
      title: "As dez palavras mais prováveis",
      sentence: "A softmax de todos os logits dá a probabilidade de cada próximo token.",
    },
  },
};
