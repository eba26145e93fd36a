"""The rules' data for French."""

from __future__ import annotations

import re

from .language import Language, word_set

# A verb and its pronoun the other way round. "-nous" and "-vous" are of imperatives, too
# ("asseyez-vous"), so their verbs are named.
_ASKS = (
    r"(?:(?!puisse|soit\b)\w+-(?:t-)?(?:je|tu|il|elle|on|ils|elles|ce)(?![\w-])"
    r"|(?:avez|êtes|pouvez|voulez|savez|devez|faites|allez|venez|voyez|connaissez|aimez|pensez|"
    r"croyez|comprenez|habitez|parlez|cherchez|prenez|mangez|buvez|travaillez|entendez|"
    r"aurez|serez|pourrez|voudrez|irez|ferez|viendrez|prendrez|"
    r"aviez|étiez|pouviez|vouliez|saviez|deviez|faisiez|alliez|"
    r"(?:au|se|pour|voud|sau|dev|fe|i|viend|aime|préfére)riez)-vous(?!-en|\w)"
    r"|(?:avons|sommes|pouvons|devons|savons|aurons|serons|pourrons|irons|ferons|"
    r"(?:au|se|pour|dev|fe|i)rions)-nous(?!\w))"
)
# Words before it: a subject, an object, "ne": "Votre frère est-il là", "Y a-t-il".
_WORDS = r"(?:[\w'-]+\s+){0,5}?(?:[nlmts]'|qu')?"
_PREPOSITION = r"(?:à|de|d'|avec|pour|chez|par|sur|en|dans|vers|depuis|jusqu'à|contre|sans|sous)\s*"
_WORD_THAT_ASKS = (
    rf"(?:(?:{_PREPOSITION})?(?:(?:qui|quoi|où|quand|combien|lequel|laquelle|lesquels|lesquelles)\b"
    r"|quel(?:le)?s?\s+(?:est|sont|était|étaient|sera|seront|serait|seraient|fut|furent|âge|heure|"
    r"jour|temps|date|couleur|taille|sorte|genre|type|numéro|prix|train|bus|film|livre)\b)"
    r"|(?:pourquoi|comment|duquel|auquel|desquels|auxquels)\b"
    r"|que?\b\s*(?:veut|veulent|signifie|fait|font|dit|disent|faire|dire|penser|choisir|manger|"
    r"se passe|devient|vaut|s'est)\b)\s*\S"
)
_QUESTION = re.compile(rf"(?i){_WORDS}{_ASKS}|{_WORD_THAT_ASKS}|.*\bn'est-ce pas\Z")
# What begins like a question: another clause ("Quand il pleut, ..."), a wish, a saying.
_EXCLAMATION = re.compile(
    r"(?i)(?:(?:peut-être|sans doute|ainsi|aussi|à peine|du moins|puisse|vive)\b"
    r"|(?:où|quand|qui|quoi) que\b|quoiqu|(?:quand|où|qui|quoi)\b.*,"
    r"|qui (?:vivra|dort|ne dit|ne risque|vole|sème|aime bien)\b"
    r"|quand même|sur ce\b|pour qu|sans qu|avec qui que)"
)

FRENCH = Language(
    "French",
    titles=word_set(
        """
        m mm mme mmes mlle mlles dr drs pr prs prof me mes mgr st ste sts stes gén col cap cdt lt
        sgt adj cne abbé
        """
    ),
    before_numbers=word_set(
        """
        no nos n° nº num vol t chap ch fig figs art arts p pp pag tél tel env éq eq ex sect parag al
        lun mar ven sam dim
        janv jan févr fév fev avr juil sept oct nov déc dec
        """
    ),
    days=word_set("lun mar mer jeu ven sam dim"),
    months=word_set(
        "janv févr fév avr juil sept oct nov déc janvier février mars avril mai juin juillet août "
        "septembre octobre novembre décembre"
    ),
    never_last=word_set(
        """
        cf c.-à-d c.à.d càd p.ex ex av apr ap env éd éds trad dir coll vs id ibid i.e e.g viz bd
        boul approx resp dép arr
        """
    ),
    may_be_last=word_set(
        """
        etc j.-c jc s.a s.a.r.l s.a.s cie ltée inc jr sr s.v.p r.s.v.p h.t t.t.c a.m p.m op.cit
        """
    ),
    starters=word_set(
        """
        le la les l un une des du de d ce cet cette ces ça c' c'est ceci cela il elle on nous vous
        ils elles je j'ai tu mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs y en
        qui que quoi quel quelle quels quelles où quand comment pourquoi combien est-ce à au aux
        dans sur sous par pour avec sans chez depuis pendant après avant vers entre contre et ou
        mais donc or ni car si comme puis alors ensuite enfin ainsi aussi cependant pourtant
        toutefois lorsque puisque parce tandis afin non oui ne n'est pas plus jamais rien personne
        tout tous toute toutes chaque plusieurs certains certaines quelques aucun aucune voici voilà
        maintenant aujourd'hui demain hier ici là peut-être même très trop bien merci bonjour
        """
    ),
    letter_words=word_set("a y à ô"),
    question=_QUESTION,
    exclamation=_EXCLAMATION,
    labels=word_set(
        """
        note notes nota remarque remarques attention avertissement important conseil conseils astuce
        astuces exemple exemples question questions réponse réponses problème problèmes solution
        solutions rappel résultat résultats raison raisons résumé conclusion conclusions
        introduction objet sujet titre date heure lieu adresse téléphone tél courriel e-mail mél nom
        noms prénom prénoms prix total aujourd'hui demain hier lundi mardi mercredi jeudi vendredi
        samedi dimanche petit-déjeuner déjeuner dîner étape ingrédients préparation consigne
        consignes instructions nouvelles actualité erreur succès message rép réf re ps premièrement
        deuxièmement troisièmement d'abord ensuite enfin aussi règle règles idée traduction sens
        signification définition chapitre section partie page figure tableau sommaire source sources
        avis danger info infos horaires durée
        """
    ),
    small_words=word_set(
        """
        à au aux avec ce ces cette chez c d dans de des du elle en est et il ils j je l la le les
        leur leurs lui m ma mais mes mon n ne ni nos notre nous on ou où par pas pour qu que qui s
        sa sans se ses si son sont sous sur t ta te tes ton tu un une vers vos votre vous y
        """
    ),
    name_words=word_set("le la les l de du des d s"),
    capitals="A-ZÀ-ÖØ-ÞŒ",
    small_letters="a-zß-öø-ÿœ",
    has_elision=True,
    has_spaced_marks=True,
    has_spaced_thousands=True,
)
