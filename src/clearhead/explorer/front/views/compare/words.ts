/** Every word of the view of weight, contribution and effect, in both languages. */
export const table = {
  en: {
    title: "Weight, contribution, effect",
    none: "Translate a sentence to compare its links.",
    unable: "Effects need the model: this page holds recorded numbers only.",
    headName: (part: string, layer: number, head: number) =>
      `${part}, layer ${layer}, head ${head}`,
    parts: {
      encoder: "Encoder self-attention",
      decoder: "Decoder self-attention",
      cross: "Cross-attention",
    },
    rowOf: (query: number, label: string) => `row ${query} “${label}”`,
    effectOn: "Effect on",
    whole: "the whole translation",
    oneWord: (position: number, label: string) => `word ${position}: ${label}`,
    sortBy: "Sort by",
    byWeight: "weight",
    byContribution: "contribution",
    byEffect: "size of effect",
    byPosition: "position",
    most: "Keys",
    key: "Key",
    weight: "Routing weight",
    contribution: "Contribution",
    effect: "Effect",
    weightScale: "0 to 1",
    contributionScale: (largest: string) => `0 to ${largest}`,
    effectScale: (largest: string) => `−${largest} to ${largest}`,
    weightMeans: "Weight: the share of this row that goes to this key; a row sums to 1.",
    contributionMeans:
      "Contribution: how much arrives. The L2 norm of weight times value, taken through the head’s part of the output projection.",
    effectMeans:
      "Effect: what setting this one weight to 0 (the others untouched) changes in the log-probability. Negative: without this link the model finds it less likely.",
    disagree:
      "Why they may disagree: a large weight on a token whose value is near zero carries almost nothing (many heads park weight so), and what arrives may be cancelled, or made up for, by other heads and the residual stream.",
    notReason:
      "None of the three is a cause by itself; “routing weight” is all that the first one is.",
    largestOf: (weight: string, contribution: string, effect: string) =>
      `Largest weight: ${weight}. Largest contribution: ${contribution}. Largest effect: ${effect}.`,
    agree: (key: string) => `All three are largest for ${key}.`,
    truncated: (shown: number, of: number, weight: string) =>
      `${shown} of ${of} keys, those of largest weight; the others share ${weight} of the weight.`,
    complete: (of: number) => `All ${of} keys.`,
    asking: "Computing the effects: one pass of the model per key…",
    tryIt: "Set to 0",
    tryLong: (key: string) => `Set the weight on ${key} to 0 and look at the translation`,
    caption: (name: string, query: string) =>
      `${name}, ${query}: each key’s weight, contribution and effect`,
    special: "special token",
    rank: (rank: number) => `no. ${rank}`,
    underEdits: "With the edits in force.",
    inQuery: "Masked keys have no weight and are left out.",
  },
  pt: {
    title: "Peso, contribuição, efeito",
    none: "Traduza uma frase para comparar suas ligações.",
    unable: "Os efeitos precisam do modelo: esta página guarda apenas números gravados.",
    headName: (part: string, layer: number, head: number) =>
      `${part}, camada ${layer}, cabeça ${head}`,
    parts: {
      encoder: "Autoatenção do codificador",
      decoder: "Autoatenção do decodificador",
      cross: "Atenção cruzada",
    },
    rowOf: (query: number, label: string) => `linha ${query} “${label}”`,
    effectOn: "Efeito sobre",
    whole: "a tradução inteira",
    oneWord: (position: number, label: string) => `palavra ${position}: ${label}`,
    sortBy: "Ordenar por",
    byWeight: "peso",
    byContribution: "contribuição",
    byEffect: "tamanho do efeito",
    byPosition: "posição",
    most: "Chaves",
    key: "Chave",
    weight: "Peso de roteamento",
    contribution: "Contribuição",
    effect: "Efeito",
    weightScale: "0 a 1",
    contributionScale: (largest: string) => `0 a ${largest}`,
    effectScale: (largest: string) => `−${largest} a ${largest}`,
    weightMeans: "Peso: a parte desta linha que vai para esta chave; uma linha soma 1.",
    contributionMeans:
      "Contribuição: quanto chega. A norma L2 do peso vezes o valor, depois da parte desta cabeça na projeção de saída.",
    effectMeans:
      "Efeito: o que muda na log-probabilidade quando só este peso vira 0 (os outros intactos). Negativo: sem esta ligação o modelo a acha menos provável.",
    disagree:
      "Por que podem discordar: um peso grande sobre um token cujo valor é quase zero não leva quase nada (muitas cabeças estacionam peso assim), e o que chega pode ser anulado, ou compensado, por outras cabeças e pela corrente residual.",
    notReason: "Nenhum dos três é, sozinho, uma causa; o primeiro é só isto: “peso de roteamento”.",
    largestOf: (weight: string, contribution: string, effect: string) =>
      `Maior peso: ${weight}. Maior contribuição: ${contribution}. Maior efeito: ${effect}.`,
    agree: (key: string) => `Os três são maiores para ${key}.`,
    truncated: (shown: number, of: number, weight: string) =>
      `${shown} de ${of} chaves, as de maior peso; as outras dividem ${weight} do peso.`,
    complete: (of: number) => `Todas as ${of} chaves.`,
    asking: "Calculando os efeitos: uma passagem do modelo por chave…",
    tryIt: "Pôr em 0",
    tryLong: (key: string) => `Pôr em 0 o peso sobre ${key} e olhar a tradução`,
    caption: (name: string, query: string) =>
      `${name}, ${query}: peso, contribuição e efeito de cada chave`,
    special: "token especial",
    rank: (rank: number) => `nº ${rank}`,
    underEdits: "Com as edições em vigor.",
    inQuery: "Chaves mascaradas não têm peso e ficam de fora.",
  },
};
