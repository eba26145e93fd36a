/** The shell's words. */

const en = {
  taglines: {
    translation: "Type a sentence and follow every number from the text to the translation.",
    generation: "Type a prompt and follow every number from the text to the next word.",
    encoder: "Type a text and follow every number from the tokens to what the model makes of them.",
    recording: "Every routing weight of a recorded forward pass, and the numbers behind it.",
  },
  sentence: (language: string) => `Sentence (${language})`,
  texts: { translation: "Sentence", generation: "Prompt", encoder: "Text" },
  translation: (language: string) => `Translation (${language})`,
  results: { generation: "Prompt and continuation", encoder: "With the hidden words filled in" },
  submit: { translation: "Translate", generation: "Continue", encoder: "Read" },
  tokens: "Tokens",
  tokensLong: "How many tokens the model adds to the prompt; 0 adds none",
  register: "“you” is",
  registerLong:
    "How the translation addresses someone: a tag before the text asks the model for it",
  registerAuto: "as the model likes",
  placeholders: {
    translation: "Type a sentence, then press Enter",
    generation: "Type a prompt, then press Enter",
    encoder: "Type a text, then press Enter",
  },
  hideWords: (mask: string) => `Write ${mask} in the text where the model is to predict a word.`,
  noWordsPredicted:
    "This model predicts no words: what it makes of a text is a vector for each token.",
  examples: "Examples",
  nothingYet: {
    translation: "The translation appears here.",
    generation: "The continuation appears here.",
    encoder: "The result appears here.",
  },
  emptyText: "The text is empty. Type a sentence, such as “The cat sleeps.”",
  tooLong: (most: string, came: string) =>
    `A text may have ${most} characters here; this one has ${came}. Give a part of it, such as a page.`,
  sentences: "This text has several sentences. The page shows one at a time:",
  sentenceOf: (n: number, all: number) => `Sentence ${n} of ${all}`,
  whole: "The whole text, translated",
  modelReads: "The model reads",
  notes: {
    protected:
      "The translator keeps the placeholders, addresses and numbers of a sentence as they are; this page shows the model without that protection. With it, the translation is:",
    unreached: (edit: number) =>
      `Edit ${edit} changes nothing: the new translation ends before the query whose weight it sets.`,
  },
  rules: {
    characters: "with plain characters",
    marks: "with punctuation put back afterwards",
    case: "in ordinary case",
    "final mark": "with a final mark",
  } as Record<string, string>,
  targetGiven: {
    translation: "This is the translation you provided, not the model's own.",
    generation: "This is the continuation you provided, not the model's own.",
    encoder: "These are the words you provided, not the model's own.",
  },
  editedNow: (n: number, without: boolean) =>
    `With ${n} ${n === 1 ? "edit" : "edits"}.${without ? " Without:" : ""}`,
  undoEdits: "Undo all edits",
  logProbability: "log-probability",
  seconds: "computed in",
  views: "Views",
  check: "The check",
  checkWaiting: "computed with each text",
  checkLine: (difference: string, of: "log-probability" | "output", numbers: string) =>
    `largest difference ${difference} in ${of === "output" ? "the output vectors" : of}${numbers}`,
  checkOver: (n: string) => ` over ${n} numbers`,
  checkMore: (fast: string, reference: string) =>
    `between the fast model (${fast}) and the numbers shown (${reference})`,
  checkRounded:
    "To keep this saved file small, its numbers are rounded to float32, about 7 digits.",
  checkBatch:
    "With the matrix library (BLAS) of this computer, the last bits of the fast model's scores depend on which sentences are translated together.",
  checkNone: "not available here: these numbers are the recorded model's own",
  hintTitle: "How to read this page",
  hint1:
    "The head you choose on the map stays the same in every view. Rows are queries, columns are keys.",
  hint2: "Click any number to see where it comes from, with Python code that recomputes it.",
  language: "Language",
  theme: "Theme",
  themes: { system: "As the system", light: "Light", dark: "Dark" },
  projector: "Projector",
  projectorTitle: "Larger type and stronger contrast, for a class",
  asNotebook: "As the notebook",
  export: "Export",
  exports: {
    openingPng: "The ribbons as PNG",
    openingSvg: "The ribbons as SVG",
    svg: "This view as SVG",
    png: "This view as PNG",
    json: "This view as JSON",
    html: "Everything as one HTML file that works offline",
    link: "Copy the address of this view",
  },
  exportNothing: "This view has nothing to export yet.",
  exported: (name: string) => `Saved ${name}.`,
  linkCopied: "The address was copied to the clipboard.",
  failed: "That did not work.",
  lastAnswer: (text: string | null, edits: number) =>
    `The last answer is still shown below${text === null ? "" : `: the numbers of “${text}”`}, ${edits === 0 ? "without edits" : edits === 1 ? "with 1 edit" : `with ${edits} edits`}.`,
  retry: "Try again",
  unreachable:
    "The server does not answer. Is `clearhead explore` still running? Start it again, then try again.",
  notHere:
    "This saved page holds one sentence as it was saved. For another sentence, or for edits, run `clearhead explore`.",
  busy: "Computing",
  whereFrom: "Where from?",
  close: "Close",
  trail: "How you got here",
  copyPython: "Copy as Python",
  copied: "Copied",
  noFormula: "The computation begins here: nothing comes before this number.",
  modelWeight:
    "This is one of the model's own weights: it was learned in training, not computed by a formula.",
  setByYou: "You set this number.",
  exact: "exactly",
  index: "index",
  runningSum: "running sum",
  share: "share",
  sum: "sum",
  numbers: (n: string) => (n === "1" ? "1 number" : `${n} numbers`),
  allTerms: (n: number) => `All ${n} terms, aligned`,
  allNumbers: (n: number) => `All ${n} numbers`,
  moreRows: (shown: number, all: number) => `${shown} of ${all} shown; show more`,
  python: "As Python",
  waiting: "Loading the numbers …",
  skip: "Skip to the view",
};

const pt: typeof en = {
  taglines: {
    translation: "Escreva uma frase e siga cada número, do texto até a tradução.",
    generation: "Escreva um começo e siga cada número, do texto até a próxima palavra.",
    encoder: "Escreva um texto e siga cada número, dos tokens ao que o modelo faz deles.",
    recording: "Cada peso de roteamento de uma passagem gravada e os números por trás dele.",
  },
  sentence: (language) => `Frase (${language})`,
  texts: { translation: "Frase", generation: "Começo", encoder: "Texto" },
  translation: (language) => `Tradução (${language})`,
  results: {
    generation: "Começo e continuação",
    encoder: "Com as palavras ocultas preenchidas",
  },
  submit: { translation: "Traduzir", generation: "Continuar", encoder: "Ler" },
  tokens: "Tokens",
  tokensLong: "Quantos tokens o modelo acrescenta ao começo; 0 não acrescenta nenhum",
  register: "“you” é",
  registerLong: "Como a tradução trata a pessoa: uma marca antes do texto pede isso ao modelo",
  registerAuto: "como o modelo quiser",
  placeholders: {
    translation: "Escreva uma frase e tecle Enter",
    generation: "Escreva um começo e tecle Enter",
    encoder: "Escreva um texto e tecle Enter",
  },
  hideWords: (mask) => `Escreva ${mask} no texto onde o modelo deve prever uma palavra.`,
  noWordsPredicted:
    "Este modelo não prevê palavras: o que ele faz de um texto é um vetor para cada token.",
  examples: "Exemplos",
  nothingYet: {
    translation: "A tradução aparece aqui.",
    generation: "A continuação aparece aqui.",
    encoder: "O resultado aparece aqui.",
  },
  emptyText: "O texto está vazio. Escreva uma frase, como “The cat sleeps.”",
  tooLong: (most, came) =>
    `Um texto pode ter ${most} caracteres aqui; este tem ${came}. Dê uma parte dele, como uma página.`,
  sentences: "Este texto tem várias frases. A página mostra uma de cada vez:",
  sentenceOf: (n, all) => `Frase ${n} de ${all}`,
  whole: "O texto inteiro, traduzido",
  modelReads: "O modelo lê",
  notes: {
    protected:
      "O tradutor mantém os marcadores, endereços e números de uma frase como estão; esta página mostra o modelo sem essa proteção. Com ela, a tradução é:",
    unreached: (edit) =>
      `A edição ${edit} não muda nada: a nova tradução termina antes da consulta cujo peso ela fixa.`,
  },
  rules: {
    characters: "com caracteres simples",
    marks: "com a pontuação recolocada depois",
    case: "em maiúsculas e minúsculas comuns",
    "final mark": "com um sinal final",
  },
  targetGiven: {
    translation: "Esta é a tradução que você forneceu, não a do modelo.",
    generation: "Esta é a continuação que você forneceu, não a do modelo.",
    encoder: "Estas são as palavras que você forneceu, não as do modelo.",
  },
  editedNow: (n, without) => `Com ${n} ${n === 1 ? "edição" : "edições"}.${without ? " Sem:" : ""}`,
  undoEdits: "Desfazer todas as edições",
  logProbability: "log-probabilidade",
  seconds: "calculado em",
  views: "Vistas",
  check: "A conferência",
  checkWaiting: "calculada a cada texto",
  checkLine: (difference, of, numbers) =>
    `maior diferença ${difference} em ${of === "output" ? "vetores de saída" : "log-probabilidade"}${numbers}`,
  checkOver: (n) => ` entre ${n} números`,
  checkMore: (fast, reference) =>
    `entre o modelo rápido (${fast.replace("with its cache", "com seu cache")}) e os números mostrados (${reference})`,
  checkRounded:
    "Para que este arquivo salvo seja pequeno, seus números estão arredondados para float32, cerca de 7 dígitos.",
  checkBatch:
    "Com a biblioteca de matrizes (BLAS) deste computador, os últimos bits das pontuações do modelo rápido dependem de quais frases são traduzidas juntas.",
  checkNone: "não se aplica aqui: estes números são do próprio modelo gravado",
  hintTitle: "Como ler esta página",
  hint1:
    "A cabeça escolhida no mapa vale em todas as vistas. Linhas são consultas, colunas são chaves.",
  hint2: "Clique em qualquer número para ver de onde ele vem, com código Python que o recalcula.",
  language: "Idioma",
  theme: "Tema",
  themes: { system: "Como o sistema", light: "Claro", dark: "Escuro" },
  projector: "Projetor",
  projectorTitle: "Letras maiores e mais contraste, para uma turma",
  asNotebook: "Como o notebook",
  export: "Exportar",
  exports: {
    openingPng: "As fitas em PNG",
    openingSvg: "As fitas em SVG",
    svg: "Esta vista em SVG",
    png: "Esta vista em PNG",
    json: "Esta vista em JSON",
    html: "Tudo em um único arquivo HTML que funciona sem rede",
    link: "Copiar o endereço desta vista",
  },
  exportNothing: "Esta vista ainda não tem o que exportar.",
  exported: (name) => `${name} foi salvo.`,
  linkCopied: "O endereço foi copiado para a área de transferência.",
  failed: "Não deu certo.",
  lastAnswer: (text, edits) =>
    `Abaixo ainda está a última resposta${text === null ? "" : `: os números de “${text}”`}, ${edits === 0 ? "sem edições" : edits === 1 ? "com 1 edição" : `com ${edits} edições`}.`,
  retry: "Tentar de novo",
  unreachable:
    "O servidor não responde. O `clearhead explore` ainda está rodando? Inicie-o outra vez e tente de novo.",
  notHere:
    "Esta página salva contém uma frase tal como foi salva. Para outra frase, ou para edições, rode `clearhead explore`.",
  busy: "Calculando",
  whereFrom: "De onde vem?",
  close: "Fechar",
  trail: "Como você chegou aqui",
  copyPython: "Copiar como Python",
  copied: "Copiado",
  noFormula: "A computação começa aqui: nada vem antes deste número.",
  modelWeight:
    "Este é um dos pesos do próprio modelo: foi aprendido no treino, não calculado por uma fórmula.",
  setByYou: "Você definiu este número.",
  exact: "exatamente",
  index: "índice",
  runningSum: "soma parcial",
  share: "parte",
  sum: "soma",
  numbers: (n) => (n === "1" ? "1 número" : `${n} números`),
  allTerms: (n) => `Todos os ${n} termos, alinhados`,
  allNumbers: (n) => `Todos os ${n} números`,
  moreRows: (shown, all) => `${shown} de ${all} à vista; mostrar mais`,
  python: "Em Python",
  waiting: "Carregando os números …",
  skip: "Ir para a vista",
};

export const table = { en, pt };
