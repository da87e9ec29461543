package eval

import "strings"

// Update is one caption message as a reader got it.
type Update struct {
	Segment string
	Lang    string
	Text    string
	Stable  int // leading code points of Text that no later partial of the segment may change
	Final   bool
}

// Calm says how much of what was shown did not last.
type Calm struct {
	StableChanged int // code points of stable text that a later partial changed: a broken promise, should be 0
	StableWords   int // words that were stable before their final came
	Rewritten     int // of them, words that the final does not have
	Erased        int // words taken back, over all updates, the final included
	FinalWords    int // words of the finals
}

// RewrittenShare is the share of stable words that finals rewrote.
func (c Calm) RewrittenShare() float64 { return share(c.Rewritten, c.StableWords) }

// Erasure is the normalised erasure: words taken back for each word that stayed (Arivazhagan et al. 2020, "Re-translation
// versus Streaming for Simultaneous Translation").
func (c Calm) Erasure() float64 { return share(c.Erased, c.FinalWords) }

// Add sums two scores.
func (c Calm) Add(d Calm) Calm {
	c.StableChanged += d.StableChanged
	c.StableWords += d.StableWords
	c.Rewritten += d.Rewritten
	c.Erased += d.Erased
	c.FinalWords += d.FinalWords
	return c
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Follow scores updates in the order in which they were shown. Segments may take turns. Words are compared in the form of
// [Normalize]; case and punctuation may change freely but in the stable text.
func Follow(updates []Update) Calm {
	var c Calm
	last := make(map[string]Update)
	for _, u := range updates {
		before := last[u.Segment]
		last[u.Segment] = u
		c.follow(before, u)
	}
	return c
}

func (c *Calm) follow(before, now Update) {
	old, new := Normalize(before.Lang, before.Text), Normalize(now.Lang, now.Text)
	c.Erased += len(old) - commonPrefix(old, new)
	stable := []rune(before.Text)
	stable = stable[:min(before.Stable, len(stable))]
	if !now.Final {
		c.StableChanged += len(stable) - commonPrefix(stable, []rune(now.Text))
		return
	}
	c.FinalWords += len(new)
	if before.Final { // a corrected final
		c.FinalWords -= len(old)
		return
	}
	promised := Normalize(before.Lang, strings.TrimSpace(string(stable)))
	e := Score(promised, new)
	c.StableWords += len(promised)
	c.Rewritten += e.Substitutions + e.Deletions
}

func commonPrefix[T comparable](a, b []T) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
