package endpoint

import (
	"errors"
	"sync"
)

// errTruncated says that the server saw less of a prompt than was sent.
var errTruncated = errors.New("the server cut the prompt without saying so")

const (
	// charsFR and charsEN are characters of a token, about; other languages count as French.
	charsFR = 3.3
	charsEN = 3.8
	// dense is the first character of the scripts of which each character counts as a token.
	dense = 0x0590
	// leastSeen is the share of the estimated tokens below which a prompt must have been cut: no tokenizer makes tokens of 5.8 English
	// characters on average.
	leastSeen = 0.65
	// page is of what context lengths are multiples: Ollama cuts at num_ctx exactly, or at half of it and two more (ollama issue 17427).
	page = 1024
	// sameLength is by how much two prompts must differ that a server says are equally long.
	sameLength = 0.1
	// learning is how fast the estimate follows what a server counts.
	learning = 0.5
)

// gauge estimates how many tokens a text has, without the model's tokenizer, and learns from what the server counts.
type gauge struct {
	mu     sync.Mutex // guards what follows
	factor float64    // tokens that the server counts for one that is estimated; 0: nothing is known
	raw    float64    // of the last prompt that was seen whole: what was estimated,
	seen   int        // and what the server counted
	limit  float64    // tokens of a prompt above which the server is known to cut; 0: none is known
	cutAt  int        // what the server counted of a prompt that was cut; 0: none was
}

// rawTokens estimates without what was learned.
func rawTokens(lang, text string) float64 {
	chars := charsFR
	if lang == "en" {
		chars = charsEN
	}
	n := 0.0
	for _, r := range text {
		if r >= dense {
			n++
			continue
		}
		n += 1 / chars
	}
	return n
}

// tokens estimates the tokens of a text.
func (g *gauge) tokens(lang, text string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return int(rawTokens(lang, text)*g.known()) + 1
}

func (g *gauge) known() float64 {
	if g.factor == 0 {
		return 1
	}
	return g.factor
}

// fits says whether a prompt of so many tokens, by estimate, is short enough as far as is known.
func (g *gauge) fits(tokens int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limit == 0 || float64(tokens) <= g.limit
}

// tooLong remembers that a prompt of so many tokens, by estimate, was too long.
func (g *gauge) tooLong(tokens int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if less := float64(tokens) * 0.75; g.limit == 0 || less < g.limit {
		g.limit = less
	}
}

// truncated says whether a server that counted so many tokens of a prompt saw less than all of it, and learns from it otherwise.
func (g *gauge) truncated(q question, counted int) bool {
	if counted <= 0 {
		return false // it does not say
	}
	raw := 0.0
	for _, m := range q.messages {
		raw += rawTokens(q.lang, m.Content)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isCut(raw, counted) {
		g.cutAt = counted
		return true
	}
	g.raw, g.seen = raw, counted
	ratio := min(max(float64(counted)/raw, leastSeen), 4)
	if g.factor == 0 {
		g.factor = ratio
	} else {
		g.factor += learning * (ratio - g.factor)
	}
	return false
}

// isCut says whether a prompt of raw estimated tokens, of which so many were counted, was cut.
func (g *gauge) isCut(raw float64, counted int) bool {
	rest := counted % page
	switch {
	case float64(counted) < leastSeen*raw:
		return true
	case g.cutAt > 0 && near(counted, g.cutAt):
		return true
	case counted >= page && (rest == 0 || rest == 2) && float64(counted) < raw*g.known():
		return true
	}
	return counted >= page && near(counted, g.seen) && abs(raw-g.raw) > sameLength*max(raw, g.raw)
}

func near(a, b int) bool { return abs(float64(a-b)) <= 2 }

func abs(v float64) float64 { return max(v, -v) }
