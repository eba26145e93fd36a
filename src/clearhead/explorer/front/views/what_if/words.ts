/** Every word of the view of edits and of the banner, in both languages. */
export const table = {
  en: {
    title: "What if",
    none: "Translate a sentence, then change something in the model.",
    count: (edits: number) => (edits === 1 ? "1 edit" : `${edits} edits`),
    banner: "The numbers in every view are those of the edited model.",
    bannerAsking: "Computing: the numbers in every view are still those from before the change.",
    bannerFailed:
      "Not applied, for the reason above: the numbers in every view are those from before the change.",
    notApplied: "Nothing to compare: these edits have not been applied.",
    removeAll: "Remove all",
    remove: "Remove",
    removeLong: (edit: string) => `Remove: ${edit}`,
    undo: "Undo",
    open: "See the change",
    editsTitle: "Edits",
    noEdits: "No edits: the model is unchanged.",
    quickTitle: "Quick edits",
    ablateThis: "Ablate this head",
    ablated: "Ablated",
    ablateHelp: (name: string) => `The locked head: ${name}. Its output becomes 0.`,
    maskThis: {
      translation: "Mask tokens of the source",
      generation: "Mask tokens of the prompt",
      encoder: "Mask tokens of the text",
    },
    maskHelp: "Click a token so that no query attends to it; click it again to restore it.",
    masked: "masked",
    addTitle: "Add an edit",
    kind: "Change",
    kinds: {
      ablate_head: "Ablate a head",
      set_weight: "Set a routing weight",
      mask_token: "Mask a token",
      swap_token: "Swap a token",
      attention_temperature: "Temperature of a head",
      output_temperature: "Temperature of the output",
    },
    explain: {
      ablate_head: "The head’s output becomes 0 for every query.",
      set_weight: "One weight of one row is set to the value below.",
      mask_token: "No query attends to this position, in any layer.",
      swap_token: "Another token takes this position.",
      attention_temperature:
        "The scaled scores are divided by it before the softmax: above 1 the weights become more even, below 1 more peaked.",
      output_temperature:
        "The logits are divided by it: above 1 the next-word probabilities become more even, below 1 more peaked.",
    },
    parts: {
      encoder: "Encoder self-attention",
      decoder: "Decoder self-attention",
      cross: "Cross-attention",
    },
    part: "Part",
    layer: "Layer",
    head: "Head",
    query: "Query",
    key: "Key",
    value: "Value",
    weight: "Weight",
    temperature: "Temperature",
    position: "Token",
    renormalise: "Renormalise the row",
    renormaliseWhy:
      "On: the row’s other weights share what is left, in proportion, so that it still sums to 1. Off: they stay as they are.",
    replacement: "Replacement",
    replacementHelp: "Type a word; choose with the arrow keys and Enter.",
    searching: "Searching…",
    noWords: "No token of the vocabulary begins with this.",
    chooseWord: "Choose a token first.",
    add: "Add",
    headName: (part: string, layer: number, head: number) =>
      `${part}, layer ${layer}, head ${head}`,
    sides: { translation: "Source token", generation: "Prompt token", encoder: "Token" },
    describe: {
      ablate_head: (head: string) => `${head}: ablated`,
      set_weight: (
        head: string,
        query: string,
        key: string,
        value: string,
        renormalised: boolean,
      ) =>
        `${head}: weight of ${query} on ${key} set to ${value}, ${renormalised ? "row renormalised" : "row left as it is"}`,
      mask_token: (side: string, token: string) => `${side} ${token}: masked`,
      swap_token: (side: string, token: string, other: string) =>
        `${side} ${token}: replaced by ${other}`,
      attention_temperature: (head: string, value: string) => `${head}: temperature ${value}`,
      output_temperature: (value: string) => `Output: temperature ${value}`,
    },
    tokenNumber: (id: number) => `token ${id}`,
    resultTitle: "Before and after",
    asking: "Computing…",
    before: "Before",
    after: "After",
    same: {
      translation: "The translation stays the same.",
      generation: "The continuation stays the same.",
      encoder: "The same words stay the likeliest.",
    },
    differs: (removed: number, added: number) =>
      `Tokens removed: ${removed}. Tokens added: ${added}.`,
    removedWord: "removed",
    addedWord: "added",
    legendRemoved: "struck through: removed",
    legendAdded: "underlined: added",
    measure: "Log-probability",
    ofOwn: {
      translation: "of its own translation",
      generation: "of its own continuation",
      encoder: "of its own words",
    },
    ofOriginal: {
      translation: "of the original translation",
      generation: "of the original continuation",
      encoder: "of the original words",
    },
    underOriginal: "original model",
    underEdited: "edited model",
    change: "Change",
    changeNote:
      "If the words differ, the first line compares two different texts; the second line compares the two models on the same words.",
    perWordTitle: {
      translation: "Each word of the original translation",
      generation: "Each token of the prompt and of the original continuation",
      encoder: "Each token of the text",
    },
    perWordNote:
      "Change in its log-probability, given the same words before it. Left of the middle: the edited model finds it less likely.",
    scaleEffect: (largest: string) => `−${largest} to ${largest}`,
    word: "Word",
    nextTitle: "Next-word probabilities, before and after",
    nextAt: (position: number, prefix: string) =>
      prefix
        ? `Position ${position}, after “${prefix}”, the same beginning for both models`
        : `Position ${position}, at the beginning of the translation`,
    thereAt: (position: number, token: string) => `Position ${position}, where “${token}” stands`,
    original: "original word",
    retokenised:
      "The original words, read back, split into other tokens than the model wrote, so they cannot be compared one by one.",
    took: (milliseconds: string, search: string, trace: string) =>
      `Took ${milliseconds} ms in this page (the fast model ${search} ms, every step in float64 ${trace} ms).`,
    tookServer: (search: string, trace: string) =>
      `Computed in: the fast model ${search} ms, every step in float64 ${trace} ms.`,
    outputTitle: "How far each output vector moved",
    outputNote:
      "The length of the difference between before and after, as a share of the vector’s length before.",
    token: "Token",
    special: "special token",
  },
  pt: {
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
    },
    explain: {
      ablate_head: "A saída da cabeça vira 0 para toda consulta.",
      set_weight: "Um peso de uma linha passa a ter o valor abaixo.",
      mask_token: "Nenhuma consulta atende a esta posição, em nenhuma camada.",
      swap_token: "Outro token ocupa esta posição.",
      attention_temperature:
        "As pontuações escaladas são divididas por ela antes da softmax: acima de 1 os pesos ficam mais iguais, abaixo de 1 mais concentrados.",
      output_temperature:
        "Os logits são divididos por ela: acima de 1 as probabilidades ficam mais iguais, abaixo de 1 mais concentradas.",
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
      set_weight: (
        head: string,
        query: string,
        key: string,
        value: string,
        renormalised: boolean,
      ) =>
        `${head}: peso de ${query} sobre ${key} fixado em ${value}, ${renormalised ? "linha renormalizada" : "linha como estava"}`,
      mask_token: (side: string, token: string) => `${side} ${token}: mascarado`,
      swap_token: (side: string, token: string, other: string) =>
        `${side} ${token}: trocado por ${other}`,
      attention_temperature: (head: string, value: string) => `${head}: temperatura ${value}`,
      output_temperature: (value: string) => `Saída: temperatura ${value}`,
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
  },
};
