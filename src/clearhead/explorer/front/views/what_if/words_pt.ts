/** The same in Portuguese. */

import type { Words } from "./words_en";

export const pt: Words = {
  title: "E se",
  none: "Traduza uma frase e depois altere algo no modelo.",
  count: (edits: number) => (edits === 1 ? "1 edição" : `${edits} edições`),
  banner: "Os números de todas as vistas são os do modelo editado.",
  bannerAsking: "Calculando: os números de todas as vistas ainda são os de antes da mudança.",
  bannerFailed:
    "Não aplicado, pela razão acima: os números de todas as vistas são os de antes da mudança.",
  notApplied: "Nada a comparar: estas edições não foram aplicadas.",
  removeAll: "Remover todas",
  remove: "Remover",
  removeLong: (edit: string) => `Remover: ${edit}`,
  undo: "Desfazer",
  open: "Ver a mudança",
  editsTitle: "Edições",
  noEdits: "Nenhuma edição: o modelo não foi alterado.",
  quickTitle: "Edições rápidas",
  ablateThis: "Anular esta cabeça",
  ablated: "Anulada",
  ablateHelp: (name: string) => `A cabeça fixada: ${name}. Sua saída vira 0.`,
  maskThis: {
    translation: "Mascarar tokens da origem",
    generation: "Mascarar tokens do começo",
    encoder: "Mascarar tokens do texto",
  },
  maskHelp:
    "Clique em um token para que nenhuma consulta atenda a ele; clique de novo para restaurá-lo.",
  masked: "mascarado",
  addTitle: "Acrescentar uma edição",
  kind: "Mudança",
  kinds: {
    ablate_head: "Anular uma cabeça",
    set_weight: "Fixar um peso de roteamento",
    mask_token: "Mascarar um token",
    swap_token: "Trocar um token",
    attention_temperature: "Temperatura de uma cabeça",
    output_temperature: "Temperatura da saída",
    steer: "Conduzir até uma palavra",
  },
  steerToLabel: "Conduzir até um rótulo",
  steerToLabelWhy:
    "Depois desta camada, cada vetor do fluxo residual é empurrado na direção do rótulo, ao longo de sua linha da matriz de saída; um número negativo o afasta dele.",
  explain: {
    ablate_head: "A saída da cabeça vira 0 para toda consulta.",
    set_weight: "Um peso de uma linha passa a ter o valor abaixo.",
    mask_token: "Nenhuma consulta atende a esta posição, em nenhuma camada.",
    swap_token: "Outro token ocupa esta posição.",
    attention_temperature:
      "As pontuações escaladas são divididas por ela antes da softmax: acima de 1 os pesos ficam mais iguais, abaixo de 1 mais concentrados.",
    output_temperature:
      "Os logits são divididos por ela: acima de 1 as probabilidades ficam mais iguais, abaixo de 1 mais concentradas.",
    steer:
      "Depois desta camada, cada vetor do fluxo residual é empurrado em direção à palavra, ao longo de sua linha na matriz de saída; um número negativo empurra para longe dela.",
  },
  parts: {
    encoder: "Autoatenção do codificador",
    decoder: "Autoatenção do decodificador",
    cross: "Atenção cruzada",
  },
  part: "Parte",
  layer: "Camada",
  head: "Cabeça",
  query: "Consulta",
  key: "Chave",
  value: "Valor",
  weight: "Peso",
  temperature: "Temperatura",
  push: "Empurrão",
  position: "Token",
  renormalise: "Renormalizar a linha",
  renormaliseWhy:
    "Ligado: os outros pesos da linha dividem o que sobra, em proporção, e ela ainda soma 1. Desligado: ficam como estão.",
  replacement: "Substituto",
  replacementHelp: "Digite uma palavra; escolha com as setas e Enter.",
  searching: "Procurando…",
  noWords: "Nenhum token do vocabulário começa com isto.",
  chooseWord: "Escolha um token primeiro.",
  add: "Acrescentar",
  headName: (part: string, layer: number, head: number) =>
    `${part}, camada ${layer}, cabeça ${head}`,
  sides: {
    translation: "Token da origem",
    generation: "Token do começo",
    encoder: "Token",
  },
  describe: {
    ablate_head: (head: string) => `${head}: anulada`,
    set_weight: (head: string, query: string, key: string, value: string, renormalised: boolean) =>
      `${head}: peso de ${query} sobre ${key} fixado em ${value}, ${renormalised ? "linha renormalizada" : "linha como estava"}`,
    mask_token: (side: string, token: string) => `${side} ${token}: mascarado`,
    swap_token: (side: string, token: string, other: string) =>
      `${side} ${token}: trocado por ${other}`,
    attention_temperature: (head: string, value: string) => `${head}: temperatura ${value}`,
    output_temperature: (value: string) => `Saída: temperatura ${value}`,
    steer: (layer: number, word: string, push: string) =>
      `Depois da camada ${layer}: empurrado ${push} em direção a ${word}`,
  },
  tokenNumber: (id: number) => `token ${id}`,
  resultTitle: "Antes e depois",
  asking: "Calculando…",
  before: "Antes",
  after: "Depois",
  same: {
    translation: "A tradução fica igual.",
    generation: "A continuação fica igual.",
    encoder: "As mesmas palavras continuam as mais prováveis.",
  },
  label: "Rótulo",
  sameLabel: "O rótulo continua o mesmo.",
  otherLabel: "O rótulo é outro.",
  differs: (removed: number, added: number) =>
    `Tokens removidos: ${removed}. Tokens acrescentados: ${added}.`,
  removedWord: "removido",
  addedWord: "acrescentado",
  legendRemoved: "riscado: removido",
  legendAdded: "sublinhado: acrescentado",
  measure: "Log-probabilidade",
  ofOwn: {
    translation: "da própria tradução",
    generation: "da própria continuação",
    encoder: "das próprias palavras",
  },
  ofOriginal: {
    translation: "da tradução original",
    generation: "da continuação original",
    encoder: "das palavras originais",
  },
  underOriginal: "modelo original",
  underEdited: "modelo editado",
  change: "Mudança",
  changeNote:
    "Se as palavras diferem, a primeira linha compara dois textos diferentes; a segunda compara os dois modelos nas mesmas palavras.",
  perWordTitle: {
    translation: "Cada palavra da tradução original",
    generation: "Cada token do começo e da continuação original",
    encoder: "Cada token do texto",
  },
  perWordNote:
    "Mudança em sua log-probabilidade, dadas as mesmas palavras anteriores. À esquerda do meio: o modelo editado a acha menos provável.",
  scaleEffect: (largest: string) => `−${largest} a ${largest}`,
  word: "Palavra",
  nextTitle: "Probabilidades da próxima palavra, antes e depois",
  nextAt: (position: number, prefix: string) =>
    prefix
      ? `Posição ${position}, depois de “${prefix}”, o mesmo começo para os dois modelos`
      : `Posição ${position}, no começo da tradução`,
  thereAt: (position: number, token: string) => `Posição ${position}, onde está “${token}”`,
  original: "palavra original",
  retokenised:
    "As palavras originais, relidas, se dividem em outros tokens que não os escritos pelo modelo; por isso não podem ser comparadas uma a uma.",
  took: (milliseconds: string, search: string, trace: string) =>
    `Levou ${milliseconds} ms nesta página (o modelo rápido ${search} ms, todos os passos em float64 ${trace} ms).`,
  tookServer: (search: string, trace: string) =>
    `Calculado em: o modelo rápido ${search} ms, todos os passos em float64 ${trace} ms.`,
  outputTitle: "Quanto se moveu cada vetor de saída",
  outputNote:
    "O comprimento da diferença entre antes e depois, como parte do comprimento do vetor antes.",
  token: "Token",
  special: "token especial",
};
