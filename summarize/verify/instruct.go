package verify

import "regexp"

// orders are phrases that speak to a language model rather than to people: what a meeting says to its minutes' writer is no evidence of
// anything. "Put in the minutes that" is left out on purpose: chairs say it every day, to people. Folded text.
var orders = regexp.MustCompile(`\b(?:` +
	`(?:ignore|disregard|forget|override) (?:(?:all|any|the|your|my|these|those|of|previous|prior|above|earlier|preceding|following) ?)+(?:instruction|prompt|rule|guideline|direction|command|order)` +
	`|(?:ignore[sz]?|oublie[sz]?|neglige[sz]?|ne tiens pas compte de|ne tenez pas compte d[e']) ?(?:(?:toutes?|tous|les?|tes|vos|mes|ces|des|l'ensemble|precedente?s?|anterieure?s?) ?)+(?:instructions?|consignes?|prompts?|regles?|directives?|ordres?)(?: (?:precedent|anterieur|ci-dessus|du systeme|au-dessus|qui precede)| et |[.,!;:]|$)` +
	`|system prompt|prompt systeme|invite systeme` +
	`|you are (?:now )?(?:an?|the) (?:ai|assistant|language model|llm|chatbot)\b|tu es (?:maintenant |desormais )?(?:une? )?(?:ia|assistant|modele de langage|intelligence artificielle)\b` +
	`|(?:answer|respond|reply|output) (?:only )?(?:with|in) (?:the following |only )?json|repond(?:s|ez|re) (?:uniquement |seulement )?(?:avec|en) (?:du )?json` +
	`|(?:dear|hey|attention|note to(?: the)?|message to(?: the)?),? (?:ai|assistant|language model|llm|summari[sz]er)\b|(?:cher|chere|attention|message a l'?|note a l'?),? ?(?:ia|assistant|modele de langage|intelligence artificielle)\b` +
	`)|<\|[a-z_]+\|>|\[/?inst\]|<</?sys>>|</?(?:system|assistant|transcript|instructions?)>|### ?(?:instruction|system|response)`)

// Instructs says whether a text speaks to a language model rather than to people.
func Instructs(text string) bool { return orders.MatchString(straight(text)) }

// dictations are phrases that say what minutes are to say. Chairs use them every day, and so may somebody who wants to be believed: what is
// dictated was said, but it is for a person to judge whether it holds. Folded text.
var dictations = regexp.MustCompile(`\b(?:` +
	`(?:whoever|any(?:one|body)|every(?:one|body))(?: who| that)? (?:is )?(?:writ(?:es|ing)|tak(?:es|ing)|summari[sz](?:es|ing)) ` +
	`|(?:minutes|summary|record|notes|transcript)(?: of this meeting)? (?:must|should|has to|have to|shall|needs? to|will|ought to) (?:say|state|contain|show|read|note|report|mention|include)\b` +
	`|(?:write|put|note|state|report|enter)(?: it| this| that)?(?: down)? (?:in|into|for|on) the (?:minutes|summary|record|notes)\b|for the (?:minutes|record)\b` +
	`|(?:compte[- ]rendu|proces[- ]verbal|pv|resume|synthese) (?:doit|devra|devrait) (?:bien )?(?:dire|indiquer|mentionner|contenir|preciser|noter)\b` +
	`|(?:ecris|ecrivez|notes?|notez|mets|mettez|indiquez?|inscris|inscrivez|mentionnez?)(?: bien)? (?:dans|au|sur) (?:le |la )?(?:compte[- ]rendu|proces[- ]verbal|pv|resume|synthese)\b` +
	`|(?:celui|celle|la personne) qui (?:ecrit|redige|resume) )`)

// dictates says whether a text says what minutes are to say.
func dictates(text string) bool { return dictations.MatchString(straight(text)) }
