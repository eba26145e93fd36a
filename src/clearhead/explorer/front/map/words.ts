/** The words of the map of the model. */

import { table as kinds } from "../views/shared/kind_words";

const en = {
  map: "Map of the model",
  keys: "Arrow keys go through the map.",
  here: "You are here",
  unfold: "Map",
  stacks: {
    encoder: "Encoder",
    decoder: "Decoder",
    self: "Self-attention",
    cross: "Cross-attention",
  },
  embedding: "Embedding",
  embeddingLong: "each token becomes a vector",
  layer: (n: number) => `Layer ${n}`,
  attentions: { self: "self-attention", cross: "cross-attention" },
  attentionsShort: { self: "self", cross: "cross" },
  attentionsLong: {
    encoder: "the sentence attends to itself",
    alone: "the text attends to itself",
    decoder: "each token attends to those before it",
    cross: "the translation attends to the sentence",
  },
  head: (n: number) => `head ${n}`,
  feed: "feed-forward",
  feedLong: "each vector goes through two layers by itself",
  outputs: { logits: "Logits", final: "Vectors" },
  outputsLong: {
    logits: "a score for every token of the vocabulary",
    final: "what the model makes of each token",
  },
  toCross: "cross-attention",
  query: "Query",
  previousQuery: "Previous query",
  nextQuery: "Next query",
  kinds: kinds.en,
  measures: {
    previous: "previous",
    next: "next",
    same: "the same",
    first: "first",
    last: "last",
    duplicate: "its own again",
    induction: "what followed",
    aligned: "aligned",
    local: "nearby",
    even: "even",
  },
  meanings: {
    previous: "its weight on the token before the query",
    next: "its weight on the token after the query",
    same: "its weight on the query’s own token",
    first: "its weight on the first token",
    last: "its weight on the last token",
    aligned:
      "how far each query looks at a token of its own: the largest weight that each token gets, added up, over the length of the shorter text",
    duplicate:
      "its weight on earlier places of the query’s own token. The two signs of repetition show a text that reads a b c a b",
    induction:
      "its weight on the tokens that followed the query’s own token earlier: it looks for how the text went on the last time",
    local: "its weight on the tokens at most four away, on none of them half",
    broad: "how evenly its weight is spread: entropy, divided by that of even weights",
    mixed: "none of these mostly",
  },
  copying: "copying",
  copies: "copies",
  copyingMeaning: (from: string) =>
    `it makes likelier what it reads. The score goes from −1 to +1: the sum of the eigenvalues of its way from the embeddings to the logits, over the sum of their sizes; ${from} or more is copying. It follows from the weights alone, whatever the text, and stands beside the kind. Heads of the encoder, cross-attention and recordings have none.`,
  unknown: "too few tokens to tell",
  measuring: "being measured",
  notMeasured: "measured when you open it",
  signs: "What the signs mean",
  bounds: (share: string, even: string) =>
    `Measured in this text, as means over the queries. A sign needs ${share} of the weight or more; broad, an evenness of ${even}.`,
  sources:
    "After Clark et al. 2019 and Voita et al. 2019; induction, Olsson et al. 2022; duplicate token, Wang et al. 2022; copying, Elhage et al. 2021. The bounds of “broad”, “local” and copying are ours.",
};

const pt: typeof en = {
  map: "Mapa do modelo",
  keys: "As setas do teclado percorrem o mapa.",
  here: "Você está aqui",
  unfold: "Mapa",
  stacks: {
    encoder: "Codificador",
    decoder: "Decodificador",
    self: "Autoatenção",
    cross: "Atenção cruzada",
  },
  embedding: "Embedding",
  embeddingLong: "cada token vira um vetor",
  layer: (n) => `Camada ${n}`,
  attentions: { self: "autoatenção", cross: "atenção cruzada" },
  attentionsShort: { self: "auto", cross: "cruzada" },
  attentionsLong: {
    encoder: "a frase olha para si mesma",
    alone: "o texto olha para si mesmo",
    decoder: "cada token olha para os anteriores",
    cross: "a tradução olha para a frase",
  },
  head: (n) => `cabeça ${n}`,
  feed: "feed-forward",
  feedLong: "cada vetor passa sozinho por duas camadas",
  outputs: { logits: "Logits", final: "Vetores" },
  outputsLong: {
    logits: "uma pontuação para cada token do vocabulário",
    final: "o que o modelo faz de cada token",
  },
  toCross: "atenção cruzada",
  query: "Consulta",
  previousQuery: "Consulta anterior",
  nextQuery: "Próxima consulta",
  kinds: kinds.pt,
  measures: {
    previous: "anterior",
    next: "próximo",
    same: "o mesmo",
    first: "primeiro",
    last: "último",
    duplicate: "o seu de novo",
    induction: "o que seguiu",
    aligned: "alinhada",
    local: "por perto",
    even: "uniforme",
  },
  meanings: {
    previous: "seu peso no token anterior à consulta",
    next: "seu peso no token seguinte à consulta",
    same: "seu peso no próprio token da consulta",
    first: "seu peso no primeiro token",
    last: "seu peso no último token",
    aligned:
      "quanto cada consulta olha para um token só seu: o maior peso que cada token recebe, somado e dividido pelo comprimento do texto mais curto",
    duplicate:
      "seu peso em lugares anteriores do próprio token da consulta. Os dois sinais de repetição mostram um texto que diz a b c a b",
    induction:
      "seu peso nos tokens que antes vieram depois do próprio token da consulta: ela procura como o texto continuou da última vez",
    local: "seu peso nos tokens a no máximo quatro de distância, em nenhum deles metade",
    broad: "quão uniforme é seu peso: a entropia, dividida pela de pesos iguais",
    mixed: "nada disso na maior parte",
  },
  copying: "cópia",
  copies: "copia",
  copyingMeaning: (from) =>
    `ela torna mais provável o que lê. A pontuação vai de −1 a +1: a soma dos autovalores de seu caminho dos embeddings aos logits, sobre a soma de seus tamanhos; ${from} ou mais é cópia. Segue só dos pesos, seja qual for o texto, e fica ao lado do tipo. Cabeças do codificador, atenção cruzada e gravações não a têm.`,
  unknown: "tokens de menos para dizer",
  measuring: "sendo medida",
  notMeasured: "medida quando você a abrir",
  signs: "O que os sinais querem dizer",
  bounds: (share, even) =>
    `Medido neste texto, como médias sobre as consultas. Um sinal pede ${share} do peso ou mais; ampla, uma uniformidade de ${even}.`,
  sources:
    "Segundo Clark et al. 2019 e Voita et al. 2019; indução, Olsson et al. 2022; token repetido, Wang et al. 2022; cópia, Elhage et al. 2021. Os limites de “ampla”, de “local” e de cópia são nossos.",
};

export const table = { en, pt };
