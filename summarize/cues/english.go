package cues

import "strings"

// englishParts stand in phrases for {names}. {verb} captures; what may stand before a verb is passed over.
var englishParts = map[string]string{
	"verb":  `(?: (?:just|also|then|now|quickly|gladly|happily|personally|certainly|definitely|probably|please|kindly|maybe|all|both|try to|try and|have to|go (?:and|through|over|round)|come and|go ahead and|be able to|make sure (?:to|that i|that you|we|you|i)|start|begin|continue))* ([a-z]+)`,
	"day":   `(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)`,
	"month": `(?:january|february|march|april|may|june|july|august|september|october|november|december)`,
	"nth":   `(?:[0-9]{1,2}(?:st|nd|rd|th)?|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|twenty[- ][a-z]+|thirtieth|thirty[- ]first)`,
	"count": `(?:[0-9]{1,2}|a|an|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|fifteen|a few|a couple of|the next two|the next few)`,
	"unit":  `(?:week|month|quarter|year|weekend|semester|term)`,
	"until": `(?:by|before|until|till|ahead of|no later than|not later than|on|for|from|at)`,
	"occasion": `(?:(?:the )?(?:next|coming|following) (?:meeting|session|time|call|sprint|rehearsal|board|council|committee|visit|review)|` +
		`the (?:meeting|deadline|release|launch|opening|holidays|break|weekend|event|workshop|conference|review|visit)|christmas|easter|new year|noon|midnight|lunch|lunchtime|then|tonight|tomorrow|today)`,
}

var english = &tongue{
	wills: verbs(`
		i'll{verb}
		i will{verb}
		i shall{verb}
		i(?:'m| am) going to{verb}
		i(?:'m| am) gonna{verb}
		i can{verb}
		i(?:'m| am| would be|'d be) (?:happy|glad) to{verb}
		i(?:'ll| will) be (?:happy|glad) to{verb}
		i(?:'ll| will) be ([a-z]+ing)\b
		i (?:promise|intend|plan|need|have|ought|am supposed) to{verb}
		i(?:'ve got|'ve| have got) to{verb}
		i should{verb}
		let me{verb}
		i(?:'d| had) better{verb}
		and will{verb}
	`, englishParts),
	together: verbs(`
		we'll{verb}
		we will{verb}
		we shall{verb}
		we(?:'re| are) going to{verb}
		we(?:'re| are) gonna{verb}
	`, englishParts),
	iDo: verbs(`
		i(?:'m| am)(?: now| then| already| just| also)? ([a-z]+ing)\b
		i(?: then| also)? ([a-z]+)
	`, englishParts),
	weDo: verbs(`
		we(?:'re| are)(?: now| then| all| just| also)? ([a-z]+ing)\b
		we(?: then| also| all)? ([a-z]+)
	`, englishParts),
	youDo: verbs(`
		you(?: then| also| two| both)? ([a-z]+)
		(?:and|then|so),? ([a-z]+) (?:me|us|them|him|her|it|the|a|an|your|our|that|this|those|these|everyone|everybody)\b
	`, englishParts),
	namedDoes: verbs(`
		@,?(?: then| also| you| just| and you)? ([a-z]+)
		@(?:'s| is) ([a-z]+ing)\b
	`, englishParts),
	asks: verbs(`
		(?:can|could|would|will) (?:one of )?you(?: two| both| all| guys)?{verb}
		can i ask you to{verb}
		(?:could|may|might) i ask you to{verb}
		i(?:'d| would) (?:like|need|want) you to{verb}
		i (?:need|want) you to{verb}
		you(?:'ll| will| should| must){verb}
		you (?:need|have|ought) to{verb}
		you(?:'re| are) going to{verb}
		you(?:'d| had) better{verb}
		you (?:go and|can){verb}
		please{verb}
		don't forget to{verb}
		remember to{verb}
		make sure (?:to|you|that you){verb}
		why don't you{verb}
		would you (?:mind|be (?:able|willing|ok|okay|happy) to|like to){verb}
		are you (?:still )?(?:ok|okay|all right|alright|happy|able|willing|going) to{verb}
		do you (?:want|think you can|think you could)(?: to)?{verb}
		might you{verb}
	`, englishParts),
	assigns: verbs(`
		@(?:'ll| will| shall| must| is to| has to| needs to| should| can| could){verb}
		@(?:'s| is) (?:going to|gonna|supposed to){verb}
		@,? (?:please|kindly){verb}
		@,? (?:can|could|would|will) you{verb}
		@,? you(?:'ll| will| should| must| can| could| need to| have to| go and){verb}
		@,? (?:may|can|could) i ask you to{verb}
		@,? i(?:'d| would) like you to{verb}
		@,? (?:are you|would you be) (?:still )?(?:ok|okay|all right|alright|happy|able|willing) to{verb}
		@,? do you (?:want|think you can|think you could)(?: to)?{verb}
		@(?: and i| and me| and @)(?:'ll| will| should| are going to| need to){verb}
		(?:ask|get|have|want|need|like) @ to{verb}
		let's have @{verb}
	`, englishParts),
	needs: verbs(`
		we (?:need|have) to{verb}
		we (?:should|must){verb}
		(?:someone|somebody|one of us) (?:needs to|has to|should|must|will){verb}
		(?:needs|has|have|need|is|are) to be ([a-z]+)
		must be ([a-z]+)
		(?:can|could|would|will) (?:someone|somebody|anyone|anybody){verb}
		who (?:can|could|will|wants to|is going to){verb}
	`, englishParts),
	promises: list(`
		leave (?:it|that|this|those|them|these) (?:with|to) me
		i'm on it
		i'm already on it
		count on me
		consider it done
		i(?:'ll| will| can) (?:take care of|see to|look after|deal with|handle|sort out|be in charge of|follow up on|chase up) [a-z]+
		i(?:'ll| will| can) sort (?:it|that|this|them) out
		i(?:'ll| will) make sure (?:that )?[a-z]+
		i(?:'ll| will) get back to (?:you|everyone|everybody|them|@)
		it(?:'s| is) on my list
		you(?:'ll| will) (?:have|get|receive|find) (?:it|them|that|the|a|my|everything|something)
		(?:it|that|they|this|everything)(?:'ll| will) be (?:ready|done|finished|fixed|with you|there|sent|in your|on your)
		(?:that's|that one's|this one's) mine
		i(?:'ve| have) got (?:it|that|this one)
		(?:my|our) (?:team|people|colleagues|department|service|staff|office|side|assistant) (?:will|is going to|are going to|can)
		i(?:'ll| will| can| could)? volunteer
		i(?:'ll| will|'d| would) be the one
	`, englishParts),
	marks: list(`
		action (?:item|point)s?
		(?:action|task|homework|to-?do|todo) (?:for|on) (?:me|you|@)
		to-?do
		todo
		next steps? (?:is|are|would be)
		(?:your|my) homework
		i(?:'ll| will)? (?:put|have|note|write) (?:you|myself|me|@) down
		(?:is|are|'re|'m|am) down for
		(?:will be|is|are|'re|'m|am) (?:responsible|in charge)
		(?:is|'s|are) on (?:you|@) to
		that(?:'s| is|'ll be| will be) (?:for )?(?:you|@)(?:'s)? (?:job|task)
	`, englishParts),
	hands: list(`
		to be [a-z]+ by @
		@ (?:takes|does|handles|leads|runs|makes)
		@(?:'s| is) (?:in charge|responsible|on that|doing that|taking)
		(?:that's|this is|it's|that one's|that goes to|this goes to|over to) (?:for |on |with )?@
		let (?:me|us|them|everyone|everybody|@) (?:have|know)
		can i leave (?:it|that|this) (?:with|to) @
		@,? can i leave (?:it|that|this|those|them) (?:with|to) you
		can i leave (?:it|that|this|those|them) (?:with|to) you
	`, englishParts),
	idle: set(englishIdle),
	work: englishVerbs(englishWork),
	due: list(`
		{until} (?:the )?(?:end|close|middle|beginning|start) of (?:the |this |next )?(?:{unit}|day|business|{month}|{day})(?: (?:on )?{day})?
		{until} (?:the )?(?:next |this |coming |following )?{day}(?: (?:morning|afternoon|evening|night|noon|at noon|at [a-z0-9:]+|the {nth}|week|next week))*
		{until} (?:the )?{nth}(?: of)? {month}
		{until} {month}(?: the)? {nth}
		{until} the {nth}
		{until} (?:{month}|{unit}'s end|mid-{month}|next {unit}|this {unit}|the {unit})
		{until} {occasion}(?: (?:morning|afternoon|evening|night|noon|at the latest))?
		end of (?:the |this |next )?(?:{unit}|day|{month})
		(?:next|this|coming) {day}(?: (?:morning|afternoon|evening|night|noon))?
		{day} (?:morning|afternoon|evening|night|noon|week|next week|at the latest)
		(?:tomorrow|today|tonight)(?: (?:morning|afternoon|evening|night|noon))?
		(?:the )?day after tomorrow
		this (?:morning|afternoon|evening|week|month|quarter|weekend)
		next (?:week|month|quarter|year|time)
		(?:within|in) {count} (?:days?|weeks?|hours?|months?|minutes?)
		{count} (?:days?|weeks?) (?:before|ahead|from now)
		(?:right )?after (?:the|this) (?:meeting|call|session)
		as soon as possible
		over the weekend
		first thing (?:on |in the )?(?:{day}|morning|tomorrow)?
	`, englishParts),
	vetoes: list(`
		(?:maybe|perhaps) (?:we|i|you|they|someone|somebody)
		(?:we|i|they|one|you) (?:could|might|would) (?:maybe|perhaps|always|also|just|even|in theory)
		(?:we|i|one|they|he|she|it) might
		(?:we|one|they) could
		i could
		wait
		hold on
		hang on
		if (?:we|i|you|they|he|she|it|somebody|someone|only|ever|there)\b.{0,60}\b(?:would|could|might|'d)
		(?:i|we)'d [a-z]+ (?:it )?if
		would be (?:nice|great|lovely|good|ideal|cool)
		in theory
		imagine
		one day
		some day
		someday
		(?:people|everybody|everyone|one) (?:should|ought)
		should (?:always|never)
		(?:would|should|could|might|must) have
		(?:had|was|were) (?:decided|agreed|supposed|going to)
		i (?:wonder|can't promise|won't)
		good luck
		just kidding
		only joking
		used to
		share my screen
		back then
		(?:two|three|four|five|ten|[0-9]+|many|some|a few|a couple of) (?:years|months|weeks|days) ago
		years ago
		last (?:week|month|year|time|spring|summer|autumn|winter|{month}|{day})
		yesterday
	`, englishParts),
	jokes: openings(`oh|ah|well`, `
		ha+(?: |,|-)?ha+
		very funny
		you wish
		as if
		good luck
		don't you dare
		stop it
		thank heavens
	`, englishParts),
	accepts: openings(`oh|ah|well|um|uh|er|hm|mm|and|so|but|right`, `
		yes(?: please| of course| i can| i will| absolutely)?
		yeah
		yep
		yup
		aye
		ok
		okay
		sure
		alright
		all right
		fine
		(?:very )?(?:good|well)
		right(?: you are)?
		great
		perfect
		excellent
		wonderful
		lovely
		brilliant
		super
		agreed
		deal
		done
		absolutely
		certainly
		definitely
		of course
		no (?:problem|worries|objections?)
		not a problem
		will do
		i(?:'ll| will| can) (?:do|try|sort|handle|take|see)
		i(?:'d| would) be (?:glad|happy|delighted)
		got it
		noted
		understood
		sounds (?:good|great|fine|reasonable)
		(?:that )?(?:works|suits|is fine|'s fine) (?:for|with|by)? ?(?:me|us)
		fine (?:by|with) me
		me too
		same here
		same
		seconded
		(?:i'm )?in favou?r
		approved
		consider it done
		(?:happy|glad|delighted) to
		with pleasure
		it'll be a pleasure
		with the greatest of pleasure
		gladly
		my pleasure
		i agree
		i'm (?:fine|okay|ok|happy|good) with
		leave (?:it|that) (?:with|to) me
		on it
		if i must
		thanks
		thank you
		please do
		go (?:for it|ahead)
		makes sense
		exactly
	`, englishParts),
	undertakes: openings(`oh|ah|well|um|uh|er|yes|yeah|ok|okay|sure`, `
		will do
		sure
		certainly
		of course
		no (?:problem|worries)
		not a problem
		got it
		noted
		understood
		consider it done
		happy to
		glad to
		with pleasure
		my pleasure
		gladly
		done
		on it
		leave (?:it|that) (?:with|to) me
		yes,? (?:of course|i can|i will|sure|no problem)
		(?:i'd|i would|it'd|it'll) be (?:a pleasure|glad|happy|delighted)
	`, englishParts),
	refuses: openings(`oh|ah|well|um|uh|er|hm|hmm|mm|and|so|but`, `
		no\b(?:,? (?:i|we|that|not|sorry|way|chance|thanks|thank you)|\.|!|, no)
		nope
		nah
		not really
		i can't
		i cannot
		i won't
		i don't (?:think so|want|agree|have time)
		impossible
		sorry,? (?:no|i|but)
		i'd rather not
		i disagree
		i'm (?:afraid|against)
		that(?:'s| is) (?:impossible|not possible|too)
		not (?:this|me|possible)
		absolutely not
		please don't
	`, englishParts),
	decides: list(`
		we(?:'ve| have)? (?:just |all |now |therefore )?(?:decided|agreed|resolved|settled)
		(?:the )?(?:committee|group|board|council|team|assembly|meeting|panel) (?:therefore |hereby |has )?(?:decides|decided|recommends|adopts|adopted|approves|approved|resolves|accepts|rejects)
		(?:it's|it is|that's|that is|that's all|so it's|then it's|so that's|everything's) (?:been )?(?:decided|settled|agreed|approved|adopted|final|a deal|carried|unanimous|accepted)
		(?:is|are|was) (?:hereby |therefore )?(?:approved|adopted|carried|accepted|rejected|passed|dropped|cancelled|postponed)(?: then)?
		(?:motion|proposal|resolution) (?:is |has been )?(?:passes|passed|carries|carried|adopted|accepted|approved|rejected)
		approved(?: then| unanimously)
		we(?:'ll| will|'re going to| are going to| shall)? ?(?:go|going) (?:with|for|ahead with)
		we(?:'re| are) going (?:with|for|ahead with)
		let's go (?:with|for|ahead with)
		(?:we|let's) (?:settle|decide|agree) on
		we opt for
		we(?:'ll| will)? (?:stick|stay) (?:with|to)
		(?:the )?decision (?:is|:|then)
		(?:that's|that is|this is) (?:the|our) (?:rule|plan|decision)
		(?:three|four|five|six|seven|eight|nine|ten|two|one|[0-9]+) (?:for|in favou?r|votes? for)(?:,| and) .{0,20}(?:against|abstention|abstaining|abstain)s?
		unanimous(?:ly)?
		we(?:'ll| will)? (?:therefore|hereby) [a-z]+
		consensus
		so decided
		so agreed
		(?:that's|it's) a (?:yes|no|go)
		we do without
	`, englishParts),
	concludes: openings(`so|ok|okay|alright|all right|right|good|fine|then|therefore|well|um|uh`, `
		(?:so|ok|okay|alright|all right|right|good|fine|then|therefore)(?: then| so)?,? (?:we|we'll|we're|it's|it is|they|the) [a-z]+
	`, englishParts),
	settles: list(`
		we(?:'ll| will) (?:keep|drop|cancel|postpone|adopt|stop|move|close|use|take|say|start|buy|do|have|try|hold|make|skip|switch|change|raise|reduce|replace|launch|delay|open|meet|order|leave|offer|hire|pay|run|trial|accept|reject|choose|publish|put|give|not|no longer)
		we (?:keep|drop|cancel|postpone|adopt|move|use|take|start|switch|accept|reject|choose|trial|raise|reduce|close|buy|do|don't|hold|make|skip|order|publish)
		let's (?:say|take|keep|do|make|use|drop|cancel|postpone|try|have|hold|set|fix|put|choose|switch|move|buy|accept|order|meet|stay|leave it at)
		(?:from now on|as of|starting|effective|with effect) (?:from |on |in )?
		[a-z]+,? then,? (?:so|and|from|at|on)
		no (?:more|longer)
		i(?:'m| am) (?:happy|fine|okay|ok) with (?:that|this|it)
		it stays
		(?:stays?|remains?|moves?) (?:at|on|in|to|with|as)
		that's (?:that|it) then
		(?:is|are|gets?|get) (?:dropped|cancelled|postponed|moved|scrapped|replaced|kept)
		instead of
	`, englishParts),
	votes: list(`
		all (?:those )?in favou?r
		(?:who is|who's|anyone|anybody|everyone|everybody) (?:for|against|in favou?r|opposed|agree|agrees|okay with|ok with|happy)
		(?:any|no) objections?
		(?:does )?(?:anybody|anyone) (?:object|objects|mind|minds|against|disagree|opposed)
		hands up
		show of hands
		(?:shall|can|do) we (?:vote|agree|all agree|take a vote)
		are we (?:all )?(?:agreed|in agreement|okay|ok|happy|fine)
		everyone (?:okay|ok|happy|agreed|fine)
		everybody (?:okay|ok|happy|agreed|fine)
		against\?
		abstentions?
	`, englishParts),
	told: list(`
		let's (?:stop|leave|start|begin|move on|see|go on|wait|break|call it|hear|look|have a look|talk|get started|continue|hope|be)
		before we (?:stop|start|go)
		that's (?:all|it for|why|how|what|because|not|a|an|the (?:thing|problem|point|question|one|reason))
		ago
		back then
		at the time
		last (?:week|month|year|time|spring|summer|autumn|winter|{month}|{day})
		in 20[0-9][0-9]
		had (?:decided|agreed)
		used to
		i (?:don't|can't|thought|think)
		we (?:don't|didn't) (?:know|have|need)
		we (?:need|should|must|can)
		we have to
		(?:we|i|they|one) (?:could|might|would)
		(?:maybe|perhaps|suppose|imagine|if)
		okay with the
		hear me
		we(?:'ll| will) (?:see|be|talk|come back|get back)
		(?:is|are|was) (?:not|still|very|really|quite|too|so)
	`, englishParts),
	interrogates: openings(`so|and|but|well|okay|ok|um|uh|by the way|incidentally|one more thing|also|actually|right|now`, `
		(?:do|does|did|is|are|can|could|should|shall|will|would|have|has|haven't|isn't|aren't|don't|may|am) (?:the|a|an|we|i|you|they|he|she|it|there|this|that|these|those|our|my|your|anyone|anybody|any|@)
		(?:who|what|when|where|which|how|why)
		do we (?:actually )?know
		can i ask
	`, englishParts),
	unsure: list(`
		(?:have|need|got|has) to (?:look|read|ask|check|see|find|think|talk)
		i(?:'ll| will|'d) (?:have to )?(?:ask|find out|look it up|look into|check)
		let me (?:ask|check)
		(?:haven't|hasn't|has not|have not|didn't|never) (?:yet )?(?:heard|said|told|answered|decided|replied|been|got|had)
		(?:nobody|no one|nobody's|no-one)(?:'s| has| is)? (?:knows?|told|said|sure|decided|asked|answered|checked|has)
		no (?:answer|reply|news|word) (?:yet|so far)
		no (?:idea|clue)
		(?:don't|do not|doesn't|didn't|can't|cannot|couldn't) (?:really |actually |honestly )?(?:know|say|tell|remember|recall|promise)
		not (?:sure|certain|clear|yet|decided|known)
		we(?:'ll| will)? ?(?:have to |need to )?(?:see|find out|come back|wait and see)
		(?:good|excellent|fair|great|difficult) question
		(?:unclear|undecided|unresolved|unknown)
		(?:up in the air|in the balance|remains open|still open|an open question)
		hard to say
		come back to (?:it|that|this)
		(?:next time|another time|some other time)
		let's (?:leave|park|postpone|take) (?:it|that|this)
		leave (?:it|that) (?:open|there|for)
		park (?:it|that)
		to be (?:seen|decided|clarified|confirmed)
		(?:it )?depends
		i've heard (?:both|nothing|different)
		(?:on both sides|contradict|two answers)
		who knows
		waiting for
		the rules don't say
		i wish i knew
		your guess is as good as mine
	`, englishParts),
	opens: list(`
		open question
		(?:still|remains|stays|left) open
		remains to be (?:seen|decided|clarified)
		(?:still|yet) (?:need|have|needs|has) to (?:find out|decide|clarify|know|be decided|be clarified)
		(?:we|i|they|you) (?:still )?don't (?:yet |actually |really |even )?know (?:yet|who|what|when|whether|if|how|which|where)
		nobody (?:yet |actually |really )?knows (?:who|what|when|whether|if|how|yet|which|where)
		to be clarified
		unresolved
		(?:the|one|another|my|big) question (?:is|remains|still is) (?:who|what|when|whether|if|how|which|where)
		(?:not clear|unclear|not decided|undecided) (?:yet )?(?:who|what|when|whether|if|how|which|where)
	`, englishParts),
	smallTalk: list(`
		hear (?:me|you|us)
		(?:see|share) (?:my|the|your) (?:screen|slides)
		(?:can|could) (?:you|everybody|everyone|you all) (?:hear|see)
		how are (?:you|things)
		(?:everybody|everyone|anybody|anyone|who|are you|is @) (?:here|there|missing|ready|listening)
		are we (?:ready|all here|recording|complete)
		shall we (?:start|begin|move|continue|go|make a start|vote)
		can we (?:start|begin|move on|go on)
		any(?:thing| other|body)? (?:else|questions|business|more)
		(?:does that|that) make sense
		(?:you know|right|isn't it|okay|ok|yeah|eh|no|hm|hmm|all right|sorry|pardon|really|what|why|who|when|and|so)\?
		is that (?:ok|okay|clear|right|all right)
		(?:what|how) (?:do you think|about)
		what time is it
		next (?:item|point)
		where (?:were|are) we
		whose
		(?:who|what) (?:wants|would like)
		(?:soup|coffee|tea|lunch|cake|biscuits|beer)
		who's (?:ever|next)
	`, englishParts),
}

// englishIdle are verbs of what is done at once, felt or thought, and words that stand where a verb may.
const englishIdle = `don not just quickly be have see say think show share move go start begin stop wait know like love need want keep let leave
	read repeat explain remember miss believe admit hear feel guess bet assume skip mute unmute join sit stand eat drink sleep
	die live kill kiss cry laugh sing hate always never try pass mention speak imagine understand promise wonder agree disagree
	happen become only even still come allow survive pretend regret notice mean hope doubt spare stay lie complain worry panic
	celebrate marry retire being having seeing saying thinking showing sharing moving going starting beginning stopping waiting
	keeping leaving reading joking kidding looking getting trying sitting standing talking feeling hoping losing wondering
	asking`

// englishWork are verbs of work that is done after a meeting.
const englishWork = `adjust analyse analyze announce apply approve archive arrange ask back book borrow bring build buy calculate call cancel
	chase check circulate clarify clean clear collect compare compile complete configure confirm contact coordinate correct
	count create cut deliver deploy design develop dig discuss distribute document draft draw drop edit email estimate explain
	export extract fetch file find finish fix follow forward gather get hand hire implement import inform install interview
	investigate invite lay lend look mail measure meet merge migrate monitor move mow negotiate order organise organize pack
	paint pay phone pick plan plant post prepare present print produce proofread propose publish purchase put raise record
	recruit register rehearse remind renew rent repair replace report request research reserve restore return review rewrite
	ring run schedule select send set sew ship sign sort speak submit suggest summarise summarize take talk tell test train
	transfer translate update upload verify visit water weld work write`

// englishVerbs returns the forms of verbs: send, sends, sending.
func englishVerbs(list string) map[string]bool {
	forms := map[string]bool{}
	for v := range strings.FieldsSeq(list) {
		root := strings.TrimSuffix(v, "e")
		for _, form := range []string{v, v + "s", v + "es", root + "ing", v + v[len(v)-1:] + "ing"} {
			forms[form] = true
		}
	}
	return forms
}
