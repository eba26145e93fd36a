/** Every word of the view of weight, contribution and effect, in both languages. */
export const table = {
  en: {
    title: "Weight, contribution, effect",
    none: "Translate a sentence to compare its links.",
    unable: "Effects need the model itself; this page holds only recorded numbers.",
    headName: (part: string, layer: number, head: number) =>
      `${part}, layer ${layer}, head ${head}`,
    parts: {
      encoder: "Encoder self-attention",
      decoder: "Decoder self-attention",
      cross: "Cross-attention",
    },
    rowOf: (query: number, label: string) => `row ${query} “${label}”`,
    effectOn: "Effect on",
    whole: {
      translation: "the whole translation",
      generation: "the whole continuation",
      encoder: "the hidden words, or all where none is hidden",
      label: "the label",
    },
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
      "Contribution: how much arrives, measured as the L2 norm of weight times value after the head’s part of the output projection.",
    effectMeans:
      "Effect: how the log-probability changes when this one weight is set to 0 and the others stay as they are. Negative: without this link, the model finds these words less likely.",
    disagree:
      "Why they may disagree: a large weight on a token whose value is near zero carries almost nothing (many heads park their weight on such tokens), and other heads and the residual stream may cancel what arrives, or make up for it.",
    notReason:
      "None of the three is a cause by itself; the first is a routing weight and nothing more.",
    largestOf: (weight: string, contribution: string, effect: string) =>
      `Largest weight: ${weight}. Largest contribution: ${contribution}. Largest effect: ${effect}.`,
    agree: (key: string) => `All three are largest for ${key}.`,
    truncated: (shown: number, of: number, weight: string) =>
      `The ${shown} of ${of} keys with the largest weights; the others share ${weight} of the weight.`,
    complete: (of: number) => `All ${of} keys.`,
    asking: "Computing the effects: one pass of the model per key…",
    tryIt: "Set to 0",
    tryLong: (key: string) => `Set the weight on ${key} to 0 and see what changes`,
    caption: (name: string, query: string) =>
      `${name}, ${query}: each key’s weight, contribution and effect`,
    special: "special token",
    rank: (rank: number) => `no. ${rank}`,
    underEdits: "Computed with the current edits.",
  },
  pt: {
    title: "Peso, contribuição, efeito",
    none: "Traduza uma frase para comparar suas ligações.",
    unable: "Os efeitos precisam do próprio modelo; esta página contém apenas números gravados.",
    headName: (part: string, layer: number, head: number) =>
      `${part}, camada ${layer}, cabeça ${head}`,
    parts: {
      encoder: "Autoatenção do codificador",
      decoder: "Autoatenção do decodificador",
      cross: "Atenção cruzada",
    },
    rowOf: (query: number, label: string) => `linha ${query} “${label}”`,
    effectOn: "Efeito sobre",
    whole: {
      translation: "a tradução inteira",
      generation: "a continuação inteira",
      encoder: "as palavras ocultas, ou todas se nenhuma está oculta",
      label: "o rótulo",
    },
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
      "Contribuição: quanto chega, medido pela norma L2 do peso vezes o valor, depois da parte desta cabeça na projeção de saída.",
    effectMeans:
      "Efeito: o que muda na log-probabilidade quando só este peso vira 0 (os outros intactos). Negativo: sem esta ligação, o modelo acha estas palavras menos prováveis.",
    disagree:
      "Por que podem discordar: um peso grande sobre um token cujo valor é quase zero não leva quase nada (muitas cabeças estacionam seu peso em tokens assim), e o que chega pode ser anulado, ou compensado, por outras cabeças e pelo fluxo residual.",
    notReason:
      "Nenhum dos três é, sozinho, uma causa; o primeiro é um peso de roteamento e nada mais.",
    largestOf: (weight: string, contribution: string, effect: string) =>
      `Maior peso: ${weight}. Maior contribuição: ${contribution}. Maior efeito: ${effect}.`,
    agree: (key: string) => `Os três são maiores para ${key}.`,
    truncated: (shown: number, of: number, weight: string) =>
      `As ${shown} chaves de maior peso, de ${of}; as outras dividem ${weight} do peso.`,
    complete: (of: number) => `Todas as ${of} chaves.`,
    asking: "Calculando os efeitos: uma passagem do modelo por chave…",
    tryIt: "Pôr em 0",
    tryLong: (key: string) => `Pôr em 0 o peso sobre ${key} e ver o que muda`,
    caption: (name: string, query: string) =>
      `${name}, ${query}: peso, contribuição e efeito de cada chave`,
    special: "token especial",
    rank: (rank: number) => `nº ${rank}`,
    underEdits: "Calculado com as edições atuais.",
  },
};
