package eval

import (
	"slices"
	"strings"
	"time"
)

// Speech is what a speaker said without much of a pause: a recording, or an utterance of a script.
type Speech struct {
	Lang       string
	Text       string
	Whole      Span   // from the first sound to where the next speech may begin
	Utterances []Span // inside Whole, in order
	Words      []Word // with their times, known or of Timed
}

// Figures are the result of one run.
type Figures struct {
	Speakers      int // who talked at once; 0: the recordings were transcribed offline
	Utterances    int
	First         []Lags // by speaker
	Final         []Lags // by speaker
	Untranscribed int    // utterances without a final
	Words         WordLags
	Calm          Calm
	WER           map[string]Errors // of the finals, by language
	Offline       map[string]Errors // of the same model on the same recordings offline; nil if that was not done

	ShownLate time.Duration  // the largest delay that readers were told of; 0: captions were always called live
	Recovered time.Duration  // from the end of all speech until captions were called live again
	Counts    map[string]int // of the recogniser: partials, finals, what it dropped and refused, by name; nil: not known
	Cores     float64        // processor time by wall time, of server and recogniser; 0: not measured
	Pace      float64        // offline only: time by length of the recordings
}

// Add joins the figures of another run with the same speakers.
func (f *Figures) Add(g Figures) {
	f.Utterances += g.Utterances
	f.First, f.Final = joined(f.First, g.First), joined(f.Final, g.Final)
	f.Untranscribed += g.Untranscribed
	f.Words = f.Words.Add(g.Words)
	f.Calm = f.Calm.Add(g.Calm)
	f.WER, f.Offline = summed(f.WER, g.WER), summed(f.Offline, g.Offline)
	f.ShownLate, f.Recovered = max(f.ShownLate, g.ShownLate), max(f.Recovered, g.Recovered)
	for name, n := range g.Counts {
		if f.Counts == nil {
			f.Counts = make(map[string]int)
		}
		f.Counts[name] += n
	}
}

func joined(a, b []Lags) []Lags {
	out := slices.Clone(a)
	for i, l := range b {
		if i == len(out) {
			out = append(out, nil)
		}
		out[i] = append(slices.Clip(out[i]), l...)
	}
	return out
}

func summed(a, b map[string]Errors) map[string]Errors {
	if a == nil && b == nil {
		return nil
	}
	out := make(map[string]Errors)
	for lang, e := range a {
		out[lang] = e
	}
	for lang, e := range b {
		out[lang] = out[lang].Add(e)
	}
	return out
}

// early is how long before its speech a caption may claim to begin: engines time words loosely.
const early = 700 * time.Millisecond

// Judge scores the captions of one speaker, in the order in which they were shown, against all that the speaker said, in order.
// The figures have one speaker in First and Final; Place puts them among the others.
func Judge(said []Speech, shown []Shown) Figures {
	f := Figures{First: make([]Lags, 1), Final: make([]Lags, 1), WER: make(map[string]Errors)}
	updates := make([]Update, len(shown))
	for i, s := range shown {
		updates[i] = s.Update
	}
	f.Calm = Follow(updates)
	var written []Span
	for _, u := range lastFinals(shown) {
		written = append(written, u.Says)
	}
	for i, s := range said {
		until := s.Whole.To
		if i+1 < len(said) {
			until = said[i+1].Whole.From
		}
		f.judge(s, between(shown, s.Whole.From-early, until-early))
		f.Utterances += len(s.Utterances)
		f.Untranscribed += Untranscribed(s.Utterances, written, 0)
		for _, u := range s.Utterances {
			f.time(u, shown)
		}
	}
	return f
}

// Place returns figures of a single speaker as those of the speaker at index i, from 0.
func (f Figures) Place(i int) Figures {
	f.First = append(make([]Lags, i), f.First...)
	f.Final = append(make([]Lags, i), f.Final...)
	return f
}

// between returns the captions of speech that begins between two moments.
func between(shown []Shown, from, to time.Duration) []Shown {
	return slices.DeleteFunc(slices.Clone(shown), func(s Shown) bool { return s.Says.From < from || s.Says.From >= to })
}

// judge scores the words of a speech. A segment belongs to the speech in which it begins.
func (f *Figures) judge(s Speech, shown []Shown) {
	var texts []string
	for _, u := range lastFinals(shown) {
		texts = append(texts, u.Text)
	}
	e := Score(Normalize(s.Lang, s.Text), Normalize(s.Lang, strings.Join(texts, " ")))
	f.WER[s.Lang] = f.WER[s.Lang].Add(e)
	f.Words = f.Words.Add(FollowWords(s.Words, shown))
}

// lastFinals returns the last final of each segment that has text, by the time of the speech.
func lastFinals(shown []Shown) []Shown {
	last := make(map[string]Shown)
	for _, s := range shown {
		if s.Final {
			last[s.Segment] = s
		}
	}
	var out []Shown
	for _, s := range last {
		if strings.TrimSpace(s.Text) != "" {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Shown) int { return int(a.Says.From - b.Says.From) })
	return out
}

// time finds when an utterance was first seen, and when its end became final.
func (f *Figures) time(u Span, shown []Shown) {
	var first, settled time.Duration
	of := segmentsWith(u, shown)
	final := make(map[string]bool)
	for _, s := range shown {
		if s.Text == "" || !of[s.Segment] {
			continue
		}
		if first == 0 && s.Says.From > u.From-early && s.At > u.From {
			first = s.At
		}
		if s.Final && !final[s.Segment] && u.overlaps(s.Says) {
			final[s.Segment] = true
			settled = max(settled, s.At)
		}
	}
	if first != 0 {
		f.First[0] = append(f.First[0], first-u.From)
	}
	if settled != 0 {
		f.Final[0] = append(f.Final[0], settled-u.To)
	}
}

// segmentsWith returns the segments with words of an utterance. A first caption of one or two words may end, by the engine's loose
// times, before the utterance begins; it is of the utterance if a later caption of its segment is.
func segmentsWith(u Span, shown []Shown) map[string]bool {
	of := make(map[string]bool)
	for _, s := range shown {
		if s.Text != "" && u.overlaps(s.Says) {
			of[s.Segment] = true
		}
	}
	return of
}

// Pooled sums the errors of all languages.
func Pooled(byLang map[string]Errors) Errors {
	var all Errors
	for _, e := range byLang {
		all = all.Add(e)
	}
	return all
}

// all joins the delays of all speakers.
func all(speakers []Lags) Lags { return slices.Concat(speakers...) }
