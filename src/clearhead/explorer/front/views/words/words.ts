/** Every word of the view of the translation, in both languages. */
export const table = {
  en: {
    title: "Word by word",
    none: "Translate a sentence to see its words.",
    source: "Source",
    target: "Target",
    targetHelp: "Choose a word: arrow keys, Home and End, or a click.",
    linesFor: (row: string) => `Routing weights of the row “${row}”`,
    whichHead: "Weights of",
    oneHead: "one head",
    meanOfHeads: "mean of a layer’s heads",
    layer: "Layer",
    head: "Head",
    headName: (layer: number, head: number) => `Cross-attention, layer ${layer}, head ${head}`,
    meanName: (layer: number, heads: number) =>
      `Mean of the ${heads} heads of cross-attention layer ${layer}`,
    meanNote:
      "This is an average: no head has these weights, and the differences between heads are lost. The page computes these numbers from those of the heads.",
    lockedElsewhere: (name: string) =>
      `The locked head is in the ${name}, which does not attend to the source. Shown here instead:`,
    parts: { encoder: "encoder", decoder: "decoder", cross: "cross-attention" },
    noCross:
      "This model has no cross-attention, so there is no source for the target to attend to.",
    rowsLabelled: "Rows labelled by",
    byInput: "word read",
    byOutput: "word written",
    rowsWhy:
      "Each row of weights belongs to one step of the decoder, which reads a word and writes the next. The numbers are the same; labelled by the word read, they appear one word earlier. Most published pictures do not say which label they use.",
    reads: "reads",
    writes: "writes",
    weightScale:
      "Routing weights on a scale from 0 to 1; a row sums to 1. The wider a line, the larger its weight.",
    outside: (mass: string) =>
      `${mass} of this row’s weight lies on source tokens outside this window.`,
    sourceTable: "Source tokens with the routing weight of the chosen row",
    special: "special token",
    nextTitle: "The ten most likely next words",
    nextAfter: (prefix: string) =>
      prefix ? `after “${prefix}”` : "at the beginning of the translation",
    taken: "chosen",
    takenRank: (rank: number) => `Chosen: number ${rank} by probability.`,
    takenFirst: "Chosen: the most likely.",
    takenWhy:
      "A word other than the most likely is chosen when it makes the whole translation more likely, or because the translation was provided.",
    rank: "Rank",
    word: "Word",
    probability: "Probability",
    rest: (share: string) => `All other words of the vocabulary together: ${share}.`,
    beamTitle: "The search: every step of the beam",
    beamIntro:
      "Beam search keeps several beginnings of a translation. At each step it looks at what can follow each of them, adds up the log-probabilities, and keeps the best.",
    beamSize: "Beams",
    beamAsking: "Searching…",
    beamGiven:
      "The translation above was provided, not found by the search; this is the model’s own search.",
    stepOf: (step: number) => `Step ${step}: candidates for word ${step}`,
    steps: "Steps of the search",
    emptyPrefix: "nothing written yet",
    prefixScore: "log-probability",
    total: "Total",
    totalLong: "log-probability of prefix and word together",
    fate: "Outcome",
    fates: { kept: "kept", dropped: "dropped", finished: "finished" },
    fateNote:
      "Kept: continued in the next step. Finished: a complete translation. Dropped: not among the best. Each prefix also has other continuations, all less likely than those shown.",
    finishedTitle: "Finished translations",
    translation: "Translation",
    score: "Score",
    scoreNote:
      "The score is what the search compares: the log-probability, adjusted for length as the settings say.",
    chosen: "chosen",
    noSearch: "No search is available here.",
  },
  pt: {
    title: "Palavra por palavra",
    none: "Traduza uma frase para ver suas palavras.",
    source: "Origem",
    target: "Destino",
    targetHelp: "Escolha uma palavra: setas, Home e End, ou um clique.",
    linesFor: (row: string) => `Pesos de roteamento da linha “${row}”`,
    whichHead: "Pesos de",
    oneHead: "uma cabeça",
    meanOfHeads: "média das cabeças de uma camada",
    layer: "Camada",
    head: "Cabeça",
    headName: (layer: number, head: number) => `Atenção cruzada, camada ${layer}, cabeça ${head}`,
    meanName: (layer: number, heads: number) =>
      `Média das ${heads} cabeças da camada ${layer} da atenção cruzada`,
    meanNote:
      "Isto é uma média: nenhuma cabeça tem estes pesos, e as diferenças entre as cabeças se perdem. A página calcula estes números a partir dos números das cabeças.",
    lockedElsewhere: (name: string) =>
      `A cabeça fixada está em: ${name}, que não atende à origem. Em seu lugar, aparece:`,
    parts: { encoder: "codificador", decoder: "decodificador", cross: "atenção cruzada" },
    noCross: "Este modelo não tem atenção cruzada; não há origem à qual o destino atenda.",
    rowsLabelled: "Linhas rotuladas pela",
    byInput: "palavra lida",
    byOutput: "palavra escrita",
    rowsWhy:
      "Cada linha de pesos pertence a um passo do decodificador, que lê uma palavra e escreve a seguinte. Os números são os mesmos; rotulados pela palavra lida, aparecem uma palavra antes. A maioria das figuras publicadas não diz qual rótulo usa.",
    reads: "lê",
    writes: "escreve",
    weightScale:
      "Pesos de roteamento numa escala de 0 a 1; uma linha soma 1. Quanto mais largo o traço, maior o peso.",
    outside: (mass: string) =>
      `${mass} do peso desta linha está em tokens da origem fora desta janela.`,
    sourceTable: "Tokens da origem com o peso de roteamento da linha escolhida",
    special: "token especial",
    nextTitle: "As dez próximas palavras mais prováveis",
    nextAfter: (prefix: string) => (prefix ? `depois de “${prefix}”` : "no começo da tradução"),
    taken: "escolhida",
    takenRank: (rank: number) => `Escolhida: a número ${rank} por probabilidade.`,
    takenFirst: "Escolhida: a mais provável.",
    takenWhy:
      "Uma palavra que não é a mais provável é escolhida quando torna a tradução inteira mais provável, ou porque a tradução foi fornecida.",
    rank: "Posto",
    word: "Palavra",
    probability: "Probabilidade",
    rest: (share: string) => `Todas as outras palavras do vocabulário juntas: ${share}.`,
    beamTitle: "A busca: cada passo do feixe",
    beamIntro:
      "A busca em feixe mantém vários começos de tradução. A cada passo vê o que pode seguir cada um, soma as log-probabilidades e mantém os melhores.",
    beamSize: "Feixes",
    beamAsking: "Buscando…",
    beamGiven:
      "A tradução acima foi fornecida, não encontrada pela busca; esta é a busca do próprio modelo.",
    stepOf: (step: number) => `Passo ${step}: candidatas à palavra ${step}`,
    steps: "Passos da busca",
    emptyPrefix: "nada escrito ainda",
    prefixScore: "log-probabilidade",
    total: "Total",
    totalLong: "log-probabilidade do prefixo e da palavra juntos",
    fate: "Resultado",
    fates: { kept: "mantida", dropped: "descartada", finished: "terminada" },
    fateNote:
      "Mantida: continua no passo seguinte. Terminada: uma tradução completa. Descartada: fora das melhores. Cada prefixo tem também outras continuações, todas menos prováveis que as mostradas.",
    finishedTitle: "Traduções terminadas",
    translation: "Tradução",
    score: "Pontuação",
    scoreNote:
      "A pontuação é o que a busca compara: a log-probabilidade, ajustada ao comprimento como dizem as configurações.",
    chosen: "escolhida",
    noSearch: "Nenhuma busca está disponível aqui.",
  },
};
