package cues

import "strings"

// frenchParts stand in phrases for {names}. {verb} captures; pronouns and adverbs before a verb are passed over.
var frenchParts = map[string]string{
	"verb":    `(?: (?:bien|aussi|donc|vite|quand meme|d'abord|essayer de|tacher de|commencer a|continuer a|penser a|faire en sorte de|volontiers|me|te|se|nous|vous|le|la|les|lui|leur|y|en))* (?:m'|t'|s'|l'|d'|y |en )?([a-z]+)`,
	"pronoun": `(?:(?:me|te|le|la|les|lui|leur|nous|vous|y|en) |m'en |t'en |m'|t'|l'|s'|vous l'|te l'|vous les |te les |le lui |les lui |la lui |leur en |lui en |vous en )*`,
	"day":     `(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)`,
	"month":   `(?:janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre)`,
	"nth":     `(?:[0-9]{1,2}(?:er)?|premier|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|dix-[a-z]+|vingt(?:[- ](?:et[- ]un|deux|trois|quatre|cinq|six|sept|huit|neuf))?|trente(?:[- ]et[- ]un)?)`,
	"count":   `(?:[0-9]{1,2}|un|une|deux|trois|quatre|cinq|six|huit|dix|douze|quinze|vingt|trente|quelques|les deux|les trois)`,
	"unit":    `(?:semaine|mois|trimestre|annee|journee|week-end|semestre|matinee)`,
	"until":   `(?:avant|d'ici|pour|jusqu'a|jusqu'au|au plus tard|a|au|des|courant|le|la|ce|cette|fin|debut|mi)`,
	"occasion": `(?:(?:la |le |ma |notre |votre )?(?:prochaine?|meme) (?:reunion|fois|seance|point|conseil|bureau|comite|repetition|atelier|conference)|` +
		`(?:la |le |les )?(?:rentree|vacances|reunion|seance|livraison|ouverture|lancement|repetition|fermeture)|noel|paques|(?:la )?toussaint|midi|minuit|demain|ce soir|aujourd'hui)`,
	"people": `(?:mes|nos|mon|notre) (?:equipes?|services?|collegues?|direction|bureau|stagiaire|assistante?)`,
}

var french = &tongue{
	wills: verbs(`
		je vais{verb}
		je peux{verb}
		je pourrai{verb}
		je (?:compte|dois|devrai|devrais|essaie de|essaierai de|tache de|me note de){verb}
		(?:il )?(?:faut|faudra|faudrait) que (?:je |j'){pronoun}([a-z]+)
		je me propose de{verb}
		je (?:ne manquerai pas|m'engage|me charge|m'occupe) (?:de|d'){verb}
		(?:je |j'){pronoun}([a-z]+r)ai\b
		c'est moi qui{verb}
		moi,? je {pronoun}([a-z]+r)ai\b
		{people} (?:vont|va){verb}
		{people} {pronoun}([a-z]+r)(?:a|ont)\b
		laissez?-moi{verb}
	`, frenchParts),
	together: verbs(`
		on va{verb}
		nous allons{verb}
		on {pronoun}([a-z]+r)a\b
		nous {pronoun}([a-z]+r)ons\b
	`, frenchParts),
	iDo: verbs(`
		(?:je |j'){pronoun}([a-z]+)
	`, frenchParts),
	weDo: verbs(`
		on {pronoun}([a-z]+)
		nous {pronoun}([a-z]+ons)\b
	`, frenchParts),
	youDo: verbs(`
		(?:tu|vous) {pronoun}([a-z]+)
		(?:et|donc|alors|puis),? ([a-z]+)(?:-moi|-nous|-lui|-leur|-le|-la|-les| le| la| les| un| une| l'| des| du)\b
	`, frenchParts),
	namedDoes: verbs(`
		@,?(?: donc| alors| aussi)?(?: il| elle| tu| vous)? {pronoun}([a-z]+)
	`, frenchParts),
	asks: verbs(`
		(?:tu|vous) (?:peux|pouvez|pourrais|pourriez|dois|devez|devrais|devriez|vas|allez|devras|devrez){verb}
		(?:tu veux|vous voulez|veux-tu|voulez-vous|tu voudras|vous voudrez|tu voudrais|vous voudriez) bien{verb}
		(?:peux|pouvez|pourrais|pourriez)[- ](?:tu|vous){verb}
		(?:tu|vous) (?:te|vous) (?:charges|chargez|occupes|occupez) (?:de|d'){verb}
		(?:je|j') ?(?:te|vous)? ?(?:aimerais|voudrais|souhaiterais|demande|demanderais|demanderai|propose|prie|charge) (?:que (?:tu|vous)|de|d'){verb}
		(?:il faut|il faudra|il faudrait|faut|faudrait) (?:que|qu') ?(?:tu|vous){verb}
		(?:merci|pense|pensez|n'oublie pas|n'oubliez pas|oublie pas|tache|tachez|essaie|essayez|veille|veillez) (?:de|d'|a){verb}
		(?:tu|vous) {pronoun}([a-z]+r)(?:as|ez)\b
		(?:te|vous) serait-il possible (?:de|d'){verb}
		(?:est-il|serait-il|c'est|ce serait) (?:possible|envisageable) que (?:tu|vous){verb}
		quelqu'un (?:peut|pourrait|doit|devrait|veut bien){verb}
		qui (?:peut|pourrait|veut bien|se charge de|s'occupe de|pour){verb}
	`, frenchParts),
	assigns: verbs(`
		@,? (?:va|vont|doit|doivent|devra|devront|peut|peuvent|pourra|pourront|voudra bien|veut bien|accepte de|compte){verb}
		a @ (?:de|d'){verb}
		@ (?:se charge|se chargera|s'occupe|s'occupera) (?:de|d'){verb}
		@,? (?:il |elle )?{pronoun}([a-z]+r)a\b
		@,? (?:tu|vous) (?:peux|pouvez|pourrais|pourriez|dois|devez|devrais|devriez|vas|allez){verb}
		@,? (?:tu veux|vous voulez|veux-tu|voulez-vous) bien{verb}
		@,? (?:peux|pouvez|pourrais|pourriez)[- ](?:tu|vous){verb}
		@,? (?:est-ce que |est-ce qu')?(?:tu|vous) {pronoun}([a-z]+r)(?:as|ez)\b
		@,? (?:je te|je vous) (?:laisse|demande de|demanderais de|propose de|prie de|charge de){verb}
		@ et moi,? (?:on|nous) {pronoun}([a-z]+r)(?:a|ons)\b
		(?:je|on|nous) (?:demande|demandons|propose|proposons|charge|chargeons|demandera|demanderai) a @ (?:de|d'){verb}
		que @{verb}
	`, frenchParts),
	needs: verbs(`
		(?:il )?(?:faut|faudra|faudrait|va falloir){verb}
		on (?:doit|devra|devrait|a besoin de){verb}
		nous (?:devons|devrons|devrions){verb}
		(?:doit|doivent|devra|devront) etre ([a-z]+)
		(?:reste|reste-t-il|il reste) a{verb}
		est a ([a-z]+er)\b
	`, frenchParts),
	promises: list(`
		je (?:m'en|m'|me) (?:charge|occupe|chargerai|occuperai)(?: (?:de|d'|du|des))?
		on s'en (?:charge|occupe|chargera|occupera)
		je m'y (?:colle|mets|attelle|engage)
		je (?:le |la |les |te le |vous le |te la |vous la |te les |vous les )?prends (?:ca|cela|en charge|la main|contact|rendez-vous|le relais|l'appel|sur moi|pour moi)
		je m'en porte volontaire
		je suis volontaire
		(?:compte|comptez) sur moi
		laissez?-moi (?:ca|faire|m'en)
		c'est pour moi
		c'est (?:moi|nous) qui (?:m'en|nous en|m'y)
		je ferai le (?:necessaire|tour|point)
		je (?:fais|ferai) le (?:necessaire|point|tour)
		je (?:reviens|reviendrai) vers (?:toi|vous|lui|elle|eux|@)
		je (?:te|vous|lui|leur) (?:tiens|tiendrai) au courant
		c'est dans ma liste
		(?:tu|vous) (?:l'|les |le |la |en )?(?:auras|aurez|recevras|recevrez) (?:ca|cela|tout|le|la|les|un|une|mon|ma|mes|l'|des|du)?
		(?:ce|ca) sera (?:fait|pret|prete|envoye|regle|boucle|livre|en ligne)e?
	`, frenchParts),
	marks: list(`
		(?:action|tache|mission)s? (?:pour|a) (?:moi|toi|vous|@)
		action a mener
		point d'action
		a faire (?:pour|par) (?:moi|toi|vous|@|{day})
		prochaine etape
		je (?:te|vous|me) (?:mets|note|inscris) (?:la-dessus|dessus|responsable|sur)
		(?:je note|on note|notez|note) (?:que|pour) @
		a la charge de
		(?:est|serez|seras|sera) (?:chargee?|responsable)s? d[eu']
		responsable de (?:ca|cela|ce point|cette)
	`, frenchParts),
	hands: list(`
		(?:doit|doivent|sera|seront|devra|devront|etre|a [a-z]+er) .{0,40}\bpar @
		c'est @ qui (?:s'y|s'en|se|va|fera|prend|prendra|doit|devra|le|la|les|gere|gerera)
		c'est (?:pour|a) @
		@ (?:s'en|s'y|se|s') ?(?:charge|chargera|occupe|occupera|colle|collera|mettra)
		@,? (?:tu|vous) (?:t'en|vous en|t'y|vous y|t'|te|nous|me|leur|lui|le|la|les) ?[a-z]+
		@,? je (?:te|vous) (?:laisse|confie|charge)
		je (?:te|vous) (?:laisse|confie|charge)[a-z ,]* @
		@ (?:prend|prendra|fait|fera) (?:le|la|les|un|une|l'|ca|cela|des|du|son|sa|ses)
		(?:tu|vous) (?:t'en|vous en|t'y|vous y) (?:charges|chargez|occupes|occupez|colles|collez|mets|mettez)
	`, frenchParts),
	idle: set(frenchIdle),
	work: frenchWork(),
	due: list(`
		{until} (?:la |le |l')?(?:fin|debut|mi|milieu) ?-?(?:de |du |d')?(?:la |l'|cette |ce )?(?:{unit}|{month}|{day})(?: prochaine?)?
		(?:fin|debut|courant|mi)[ -](?:de |du |d')?(?:la |l'|cette |ce )?(?:{unit}|{month}|{day})(?: prochaine?| au plus tard)?
		{until} (?:le |la |ce )?{day}(?: (?:prochain|matin|soir|midi|apres-midi|qui vient|{nth}(?: {month})?|au plus tard|en huit|de la semaine prochaine))*
		{until} (?:le |au |du )?{nth} {month}(?: au plus tard)?
		{until} (?:le |au |du )[0-9]{1,2}(?: au plus tard)?\b
		(?:pour|avant|d'ici|jusqu'au) le {nth}
		{until} {month}
		(?:pour|avant|d'ici) (?:la |le |les |l')[a-z]+ (?:du|de) (?:{day} ?)?(?:{nth}|{day}|{month})(?: {month})?
		{until} (?:la |le |l')?{unit} (?:prochaine?|qui vient)
		{until} {occasion}(?: au plus tard)?
		(?:cette|la|ce) (?:{unit})(?: prochaine?)?
		(?:dans|avant la fin de|en fin de) (?:la |l')?(?:{unit})
		{day} (?:prochain|matin|soir|midi|apres-midi|qui vient|en huit|au plus tard)
		{day}
		(?:apres-)?demain(?: (?:matin|soir|midi|apres-midi))?
		(?:ce soir|ce midi|ce matin|cet apres-midi|aujourd'hui|ce week-end)
		(?:la semaine|le mois|le trimestre|l'annee) prochaine?
		au plus (?:vite|tard|tot)
		des que possible
		dans les plus brefs delais
		(?:sous|dans|d'ici) {count} (?:jours?|semaines?|mois|heures?)
		sous (?:huitaine|quinzaine)
		{count} (?:jours?|semaines?) avant
		(?:juste |tout de suite )?apres (?:la|cette) (?:reunion|seance)
	`, frenchParts),
	vetoes: list(`
		(?:on|je|nous|tu|vous|il|elle|ils) (?:pourrait|pourrais|pourrions|pourriez|pourraient) (?:peut-etre|toujours|carrement|imaginer|aussi|meme|eventuellement)
		(?:on|nous) (?:pourrait|pourrions)
		je pourrais
		peut-etre (?:qu|que|bien)
		si (?:on|nous|jamais|j'avais|j'etais|il y avait)
		s'il y avait
		(?:ce|ca) serait (?:bien|bon|pas mal|sympa|genial|beau|le reve|triste)
		imaginer
		un jour
		en theorie
		a titre d'hypothese
		je parlais au conditionnel
		(?:attends|attendez|minute)
		(?:une|deux) (?:secondes?|minutes?)
		un instant
		(?:avait|avions|avaient|avais|aviez) [a-z]+
		(?:aurait|aurions|auraient|aurais) (?:du|pu|fallu)
		(?:a|avait|aurait) failli
		(?:les gens|on|tout le monde|chacun) (?:devrait|devraient|devrais) (?:toujours|jamais|tous)?
		(?:un|une|les) [a-z]+ (?:doit|doivent|devrait|devraient) toujours
		toujours [a-z]+er
		je me demande
		bonne chance
		je (?:plaisante|rigole|blague)
		l'an prochain
		(?:la semaine|le mois|l'an|l'annee|la fois) (?:dernier|derniere|passee?)
		(?:hier|avant-hier)
		il y a (?:un|une|deux|trois|quatre|cinq|dix|quelques|[0-9]+) (?:ans?|mois|semaines?|annees?|jours?)
		a l'epoque
		partager? (?:mon|l')? ?ecran
		(?:vous|tu) (?:m'entend[a-z]*|voyez|vois)
	`, frenchParts),
	jokes: openings(`oh|ah|ben|bah`, `
		ha+(?: |,|-)?ha+
		tres drole
		tu (?:plaisantes|rigoles)
		n'importe quoi
		bonne chance
	`, frenchParts),
	accepts: openings(`ah|ben|bah|bon|euh|oh|et|mais|alors|eh|hein|hum|moi|pour moi`, `
		oui
		ouais
		ok
		okay
		d'accord
		entendu
		ca (?:marche|roule|me va|nous va|me convient|me plait|passe|ira)
		parfait
		tres (?:bien|bonne idee)
		bien (?:sur|entendu|recu|volontiers)
		c'est (?:bon|note|d'accord|fait|parti|entendu|comme si c'etait fait|tout a fait|faisable|jouable|envisageable|promis|une bonne idee)
		note
		je note
		(?:bonne|excellente|tres bonne) idee
		tout a fait
		absolument
		evidemment
		certainement
		volontiers
		avec (?:plaisir|joie)
		pas de (?:souci|probleme)s?
		sans (?:souci|probleme|faute)
		aucun (?:souci|probleme)
		aucune objection
		pas d'objection
		(?:je|on|nous) (?:m'en|m'y|s'en|nous en) (?:charge|occupe|colle|mets|chargeons|occupons)
		je (?:vais )?(?:le |la |les |lui |leur |vous |te |vous le |te le |te les |vous les )?(?:fais|ferai|faire|prends|prendrai|regarde|envoie|prepare)
		(?:compte|comptez) sur moi
		(?:pareil|moi aussi|idem|itou)
		vendu
		adopte
		valide
		approuve
		adjuge
		je suis (?:d'accord|pour|partante?|volontaire)
		on (?:fait|y va|part|est d'accord)
		va pour
		promis
		merci
		super
		genial
		nickel
		impeccable
		top
		exact(?:ement)?
		si vous voulez
		si tu veux
		nous tiendrons
		(?:mon|ma) [a-z]+ est d'accord
		trop bien
		ca tombe bien
		voila
	`, frenchParts),
	undertakes: openings(`ah|ben|bah|bon|euh|oui|ouais|ok|d'accord`, `
		entendu
		ca (?:marche|roule)
		bien (?:sur|entendu|recu)
		c'est (?:note|comme si c'etait fait|promis|entendu|parti)
		(?:note|je note)
		volontiers
		avec plaisir
		pas de (?:souci|probleme)s?
		sans (?:souci|probleme|faute)
		aucun (?:souci|probleme)
		promis
		(?:compte|comptez) sur (?:moi|nous)
		on (?:fait|s'en|s'y)
		nous (?:ferons|tiendrons)
		je (?:le |la |les |lui |leur |vous |te |m'en |m'y |vous le |te le |te les |vous les )?(?:fais|ferai|prends|prendrai|regarde|envoie|prepare|charge|occupe|colle|mets)
	`, frenchParts),
	refuses: openings(`ah|ben|bah|bon|euh|oh|et|mais|alors|hum|moi`, `
		non\b(?:,? (?:je|on|pas|c'est|merci|mais|non|la|ca)|\.|!)
		pas (?:vraiment|moi|possible|question|cette|trop|tellement|forcement)
		je (?:ne )?(?:peux|pourrai|veux) pas
		je (?:ne )?(?:crois|pense) pas
		impossible
		hors de question
		je prefer[a-z]+ pas
		je (?:ne )?suis pas (?:d'accord|pour|convaincue?|fan)
		je suis contre
		surtout pas
		j'aime pas
		j'y suis (?:defavorable|opposee?)
		ca (?:va pas|ne va pas|m'etonnerait|m'arrange pas)
	`, frenchParts),
	decides: list(`
		(?:on|nous) (?:a|avons|avait) (?:donc |bien )?(?:decide|acte|tranche|convenu|vote)
		(?:on|nous) (?:decide|decidons|acte|actons|tranche|tranchons|valide|validons|retient|retenons|adopte|adoptons|opte|optons|vote|votons|approuve|approuvons|arrete|arretons)
		(?:c'est|voila c'est|donc c'est|cela est|tout est) (?:donc )?(?:decide|acte|valide|entendu|adopte|vote|approuve|vendu|regle|tranche|arrete|convenu)
		(?:est|sont) (?:donc )?(?:adopte|approuve|valide|acte|rejete|vote|retenu|accepte|reporte|annule|maintenu|supprime|abandonne|repousse)e?s?(?: donc)?
		(?:sera|seront) donc
		adjuge
		(?:adopte|approuve|valide)e?s? (?:a l'unanimite|a la majorite)
		(?:la|notre) decision (?:est|de)
		decision (?::|prise)
		(?:le|la) (?:comite|conseil|commission|bureau|groupe|assemblee|equipe) (?:se prononce|decide|adopte|approuve|valide|retient|vote|arrete|recommande|donne)(?: donc)?
		on (?:part|partira|partirait) (?:donc )?(?:sur|avec)
		on reste (?:donc )?(?:sur|avec)
		on s'arrete sur
		(?:on|nous) (?:se met|nous mettons|est|sommes) (?:tous )?d'accord (?:pour|sur|donc)
		(?:on|nous) (?:abandonne|abandonnons|annule|annulons|reporte|reportons|maintient|maintenons|supprime|supprimons|renonce|renoncons|conserve|conservons)
		on garde
		a l'unanimite
		il est (?:donc )?(?:decide|convenu|acte)
		c'est (?:donc )?(?:oui|non|parti|bon) pour
		va pour
		proposition (?:adoptee|retenue|acceptee|rejetee)
		accorde
		(?:vote|motion|resolution) (?:adoptee?|acquise?)
		on choisit
		{nth} (?:voix )?pour,? (?:et )?{nth} (?:voix )?(?:contre|abstentions?)
	`, frenchParts),
	concludes: openings(`donc|alors|bon|ok|d'accord|du coup|tres bien|parfait|dans ce cas|ben|eh|euh|voila`, `
		(?:donc|alors|bon|ok|d'accord|du coup|tres bien|parfait|dans ce cas),? (?:on|nous|ce sera|il y aura) [a-z]+
	`, frenchParts),
	settles: list(`
		on (?:fait|dit|met|fixe|ferme|ouvre|change|passe (?:a|au)|demarre|prend|achete|commence|lance|publie|recrute|embauche|loue|vend|vote|teste|essaie|organise|installe|remplace|augmente|baisse|reduit|decale|avance|repousse|arrete|accepte|refuse|invite|commande|donne|laisse|se voit|n'en parle plus)
		on (?:fera|mettra|prendra|gardera|laissera|ouvrira|fermera|passera|restera|achetera|partira|continuera|decalera)
		ce sera (?:donc )?(?:le|la|l'|un|une|{day}|{nth})
		(?:se fera|se tiendra|aura lieu|reste|passe|passera|restera) (?:donc )?(?:a|au|en|dans|le|la|sur)
		retour a[u]?
		a compter d[eu]
		desormais
		dorenavant
		a partir d[eu]
		plus (?:de|d') [a-z]+
		(?:comme ca|comme cela|ainsi)
		pas touche
		le (?:plus simple|mieux)
		d'accord pour
	`, frenchParts),
	votes: list(`
		qui est (?:pour|contre|d'accord)
		(?:pas|aucune|des|une) (?:d')?(?:objections?|oppositions?|reserves?)
		(?:tout le monde|vous etes|on est|nous sommes|chacun) (?:est )?(?:tous )?d'accord
		(?:passer|passons|on passe|proceder) au vote
		(?:on|nous) (?:vote|votons)
		quelqu'un (?:est )?(?:contre|s'oppose|s'y oppose|d'autre)
		ca (?:vous|te) (?:va|convient)
		(?:des )?abstentions?
		y a-t-il des (?:objections|reserves|oppositions)
		levez la main
		c'est (?:bon|d'accord|ok) pour (?:tout le monde|vous|toi|tous)
	`, frenchParts),
	told: list(`
		il y a (?:un|une|deux|trois|quatre|cinq|dix|quelques|[0-9]+) (?:ans?|mois|semaines?|annees?)
		a l'epoque
		on peut y aller
		(?:on|nous) (?:avait|avions|aurait|pourrait|pourrions|devrait)
		(?:avait|avions|avaient) [a-z]+
		(?:la semaine|le mois|l'an|l'annee|la fois) (?:dernier|derniere|passee?)
		(?:en|depuis) (?:20[0-9][0-9]|19[0-9][0-9]|{month}) (?:on|nous|dernier)
		si (?:on|nous|jamais|vous|tu)
		peut-etre
		imagin[a-z]+
		on (?:fait|dit|met) (?:quoi|comment|rien|pas)
		on (?:commence|reprend|continue|attaque)
		on passe (?:a la suite|au (?:point|deuxieme|troisieme|suivant|vote|sujet))
		quand
		il n'y a
		on (?:verra|va voir|en reparle|y reviendra|se demande|attend|sait|voit|peut)
		(?:cette|la) decision
		pour la forme
		j'(?:ai|avais)
		il faudrait
	`, frenchParts),
	interrogates: openings(`et|mais|donc|alors|bon|euh|sinon|au fait|du coup|ok|ah|ben|tiens`, `
		est-ce (?:que|qu')
		qu'est-ce
		(?:qui|quand|combien|comment|pourquoi|ou|quel|quelle|quels|quelles) (?:est|sont|a|ont|va|vont|on|nous|peut|doit|pourra|portera|paie|paiera|sera|en|y|se|le|la)
		a-t-(?:on|il|elle)
		(?:peut|doit|va|faut|est|sait|y a|aura|pourra|existe)-?(?:t-)?(?:on|il|elle)\b
		(?:on|ils|elles) (?:sait|savent) (?:si|quand|qui|comment|combien)
		j'ai une question
	`, frenchParts),
	unsure: list(`
		(?:je|on|nous) (?:vais |va )?(?:(?:lui|leur|le) )?(?:demander|demanderai|regarderai|verifierai|me renseigne|me renseigner|me renseignerai|chercher)
		(?:on en reparle|on en reparlera|on en rediscute)
		on attend
		(?:pas|jamais) (?:encore )?(?:de |eu |eu de )?(?:repondu|reponse|retour|nouvelles|tranche|decide|chiffre|arbitre)
		(?:n'ont|n'a|ont|a|est|sont|n'est) (?:pas|jamais) (?:encore )?(?:repondu|dit|tranche|rendu|donne|decide|fixe|arrete|chiffre|sur)
		personne (?:ne |n')?(?:sait|a|peut)
		je (?:ne |n')?(?:sais|saurais|suis|connais) (?:pas|plus|rien)
		j'(?:en |n'en )?(?:sais|ai) (?:rien|pas|aucune)
		aucune idee
		pas (?:sure?|certaine?|evident|clair)
		(?:bonne|excellente|vaste|grande) question
		il faut(?:drait)? (?:voir|verifier|demander|se renseigner|creuser)
		on verra
		(?:a|faut) (?:voir|verifier|confirmer|clarifier|creuser)
		(?:ca|cela) depend(?:ra)?
		reste a
		on (?:y |n'y )?(?:revient|reviendra)
		(?:la prochaine fois|une autre fois|plus tard)
		laisse(?:r|ons)? (?:ca |cela )?(?:ouvert|de cote)
		en (?:suspens|balance|attente)
		reste (?:ouverte?|en suspens)
		difficile a dire
		(?:on|nous) (?:n'a|n'avons|n'en a|ne les a|a) pas (?:la reponse|l'info|les chiffres|idee)?
		(?:les )?avis (?:divergent|sont partages)
		je ne m'avance pas
		mystere
		(?:allez|va) savoir
		de la a savoir
	`, frenchParts),
	opens: list(`
		question (?:ouverte|reste ouverte|en suspens)
		reste (?:ouverte?|a savoir|a voir|a determiner|a decider|a trancher|en suspens)
		(?:on|nous|je) (?:ne |n')?(?:sait|savons|sais) (?:toujours )?(?:pas|plus) (?:encore |toujours )?(?:si|qui|quoi|quand|ou|comment|combien|quel|quelle|ce que|pourquoi)
		(?:on|nous) ne (?:sait|savons) toujours pas
		personne ne sait (?:si|qui|quoi|quand|ou|comment|combien|quel|quelle)
		a clarifier
		la (?:vraie |grande )?question (?:est|c'est|reste|se pose)
		je me demande (?:si|qui|quand|ou|comment|combien)
	`, frenchParts),
	smallTalk: list(`
		m'entend[a-z]*
		(?:mon|l'|votre|ton) ?ecran
		ca va
		(?:tout le monde|vous) (?:est|etes) (?:la|installes?|prets?|pretes?)
		on est au complet
		on (?:commence|y va|attaque|peut commencer|peut y aller|reprend|en etait|en est)
		(?:autre chose|des questions|d'autres points|d'autres questions|divers)
		(?:hein|non|si|pardon|quoi|ah bon|vraiment|serieux|d'accord|n'est-ce pas|pourquoi|comment ca|c'est tout|la) ?\?
		c'est (?:bon|clair|quoi|ok)
		(?:qu'en|tu en|vous en) pens[a-z]*
		(?:quelle heure|il est quelle heure)
		qui (?:prend|note|veut|commence|achete)
		(?:s'affiche|vous voyez|tu vois|tu as vu|vous avez vu)
		(?:cafe|tisane|gateau|sandwich)
		vous en etiez ou
		pour quoi faire
	`, frenchParts),
}

// frenchIdle are infinitives, then stems of the future, of what is done at once, felt or thought; and words that stand where a verb may.
const frenchIdle = `dire commencer passer voir etre avoir essayer laisser montrer partager lire expliquer couper conclure revenir continuer
	reprendre aller boire manger dormir attendre ecouter croire penser savoir pouvoir vouloir devoir falloir poursuivre arreter
	mourir rire pleurer chanter crier vivre rester partir entrer asseoir lever regretter oublier imaginer comprendre admettre
	avouer jurer parier resumer redemarrer rejoindre entendre sentir tenter preferer aimer adorer detester rigoler plaisanter
	rever deborder insister ajouter repeter venir devenir tomber perdre gagner
	dir verr ser aur essaier pourr voudr devr saur faudr croir attendr boir reviendr irr mourr vivr restr rir plaindr perdr jur
	viendr deviendr rejoindr reprendr pourrir poser jouer cracher
	quand pas plus jamais rien est a`

// frenchRegular are verbs of work in -er; their forms follow the rule.
const frenchRegular = `acheter adapter ajouter ajuster amener analyser annoncer appeler apporter archiver arroser bloquer calculer caler charger
	chercher chiffrer clarifier classer collecter coller commander comparer completer compter confirmer consulter contacter
	coordonner copier corriger creer decaler declarer demander deplacer deposer desinstaller dessiner developper diffuser
	distribuer documenter echanger effacer elaborer enlever enregistrer envisager envoyer estimer etudier evaluer explorer
	exporter facturer fermer filmer fixer former gerer importer imprimer indiquer informer installer integrer interroger inviter
	lancer lister livrer louer mailer mesurer migrer modifier monter negocier nettoyer nommer noter notifier organiser parler
	partager payer peser photographier piloter planifier planter porter poser poster preparer presenter prioriser programmer
	proposer publier ranger rappeler rapporter rassembler recenser rechercher recommander recruter recuperer rediger regarder
	regler regrouper relancer relayer remonter remplacer renouveler renvoyer reparer repeter reporter reserver resumer retirer
	retrouver sauvegarder securiser semer signaler signer soigner solliciter stocker structurer supprimer surveiller taper
	telephoner terminer tester tracer traiter transferer travailler trier trouver valider ventiler verifier verser visiter voter`

// frenchIrregular are forms of verbs of work that do not follow it.
const frenchIrregular = `envoie envoies envoient enverrai enverras enverra enverrons enverrez enverront renvoie renverrai renverra appelle appelles
	appellent appellerai appellera rappelle rappelles rappellerai rappellera jette renouvelle ecrire ecris ecrit ecrivez ecrirai
	ecrira ecriront inscrire inscris mettre mets mettez mettrai mettra mettront met transmettre transmets transmettrai
	transmettra soumettre soumets soumettrai prevenir previens previent previendrai previendra prevenez finir finis finirai
	finira relire relis relirai relira traduire traduis traduirai traduira faire fais fait ferai fera feront faites fassiez
	fasses refaire refais referai refera etablir etablis etablirai etablira definir definis definirai definira construire
	construis construirai rendre rends rendrai rendra peindre peins peindrai peindra recevoir recois recevrai suivre suivrai
	suivra obtenir obtiens obtiendrai extraire extrais extrairai fournir fournis fournirai fournira convoquer coudre couds
	coudrai ouvrir ouvre conduire joindre joins joindrai reunir reunis reunirai remplir remplis remplirai choisir choisis
	choisirai accueillir accueille accueillerai parvenir redescendre descendre descends descendrai deposer depose relecture
	repondre reponds repondrai repondra sortir sors sort sortez sortirai sortira poursuivre saisir`

func frenchWork() map[string]bool {
	forms := set(frenchIrregular)
	for v := range strings.FieldsSeq(frenchRegular) {
		forms[v] = true
		root := strings.TrimSuffix(v, "er")
		for _, end := range []string{"e", "es", "ons", "eons", "ez", "ent"} {
			forms[root+end] = true
		}
		for _, end := range []string{"ai", "as", "a", "ons", "ez", "ont"} {
			forms[v+end] = true
		}
		// "tester" has "teste", "payer" has "paie", "nettoyer" has "nettoie".
		if y, ok := strings.CutSuffix(root, "y"); ok {
			for _, end := range []string{"ie", "ies", "ient", "ierai", "ieras", "iera", "ierons", "ierez", "ieront"} {
				forms[y+end] = true
			}
		}
	}
	return forms
}
