package endpoint

import (
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/summarize/extract"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
	"souffleur/summarize/verify"
)

const (
	overlapTurns = 2    // of the block before that a block begins with, so that nothing is asked without what it answers
	overlapLines = 6    // in these turns, at most
	longestLine  = 1200 // characters of a segment in a prompt; twelve seconds of speech are 200, but people type, too
	leastTokens  = 160  // a block with fewer is not split
)

// line is a segment as prompts have it.
type line struct {
	number int // from 1
	id     meeting.SegmentID
	spk    meeting.SpeakerID
	name   string
	text   string
}

// withheld stands for the words of a segment that speaks to the machine.
const withheld = "(…)"

// block is what one question is about.
type block struct {
	topic  int
	before int // how many of the lines are of the block before
	lines  []line
}

// linesOf returns the segments that have words, as prompts have them. What speaks to the machine is left out: it cannot be evidence, and
// a model that does not see it cannot obey it.
func linesOf(job *minutes.Job) []line {
	var lines []line
	for i := range job.Segments {
		s := &job.Segments[i]
		text := plain(s.Text, longestLine)
		if text == "" {
			continue
		}
		if verify.Instructs(s.Text) {
			text = withheld
		}
		lines = append(lines, line{number: len(lines) + 1, id: s.Seg, spk: s.Spk, name: nameOf(job.Names, job.People, s.Spk), text: text})
	}
	return lines
}

// topicStarts returns where in lines each topic begins.
func topicStarts(lines []line, sentences []prose.Sentence, topics []extract.Topic) []int {
	at := make(map[meeting.SegmentID]int, len(lines))
	for i := range lines {
		at[lines[i].id] = i
	}
	var starts []int
	for i, t := range topics {
		start, ok := at[sentences[t.First].Segments[0]]
		if i == 0 || !ok {
			start = 0
		}
		if n := len(starts); n > 0 && start < starts[n-1] {
			start = starts[n-1]
		}
		starts = append(starts, start)
	}
	return starts
}

// blocksOf cuts topics into blocks of at most so many tokens, by size, each with the end of the one before.
func blocksOf(lines []line, starts []int, budget int, size func(text string) int) []block {
	var blocks []block
	for topic, first := range starts {
		end := len(lines)
		if topic+1 < len(starts) {
			end = starts[topic+1]
		}
		tokens, from := 0, first
		for i := first; i < end; i++ {
			own := size(lines[i].text) + size(lines[i].name) + 6
			if tokens > 0 && tokens+own > budget {
				blocks = append(blocks, blockOf(topic, lines, from, i))
				tokens, from = 0, i
			}
			tokens += own
		}
		if from < end {
			blocks = append(blocks, blockOf(topic, lines, from, end))
		}
	}
	return blocks
}

func blockOf(topic int, lines []line, from, end int) block {
	first := overlap(lines[:from])
	return block{topic: topic, before: from - first, lines: lines[first:end]}
}

// overlap returns where the last turns of lines begin.
func overlap(lines []line) int {
	turns := 0
	for i := len(lines) - 1; i >= 0; i-- {
		if i == len(lines)-1 || lines[i].spk != lines[i+1].spk {
			turns++
		}
		if turns > overlapTurns || len(lines)-i > overlapLines {
			return i + 1
		}
	}
	return 0
}

// splits says whether a block whose prompt or answer is too long can be asked for in halves.
func (b block) splits(size func(text string) int) bool {
	return len(b.lines)-b.before >= 2 && size(b.text()) >= leastTokens
}

// halves splits a block.
func (b block) halves() (first, second block) {
	middle := b.before + (len(b.lines)-b.before)/2
	return block{topic: b.topic, before: b.before, lines: b.lines[:middle]}, blockOf(b.topic, b.lines, middle, len(b.lines))
}

func (b block) text() string {
	var s strings.Builder
	for i := range b.lines {
		s.WriteString(b.lines[i].text + "\n")
	}
	return s.String()
}

// people are who speaks in a block, each once.
func (b block) people() []string {
	var names []string
	seen := map[string]bool{}
	for i := range b.lines {
		if name := b.lines[i].name; !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// segments maps the numbers of lines back; nil if one is not in the block.
func (b block) segments(numbers []int) []meeting.SegmentID {
	var ids []meeting.SegmentID
	for _, n := range numbers {
		i := n - b.lines[0].number
		if i < 0 || i >= len(b.lines) {
			return nil
		}
		ids = append(ids, b.lines[i].id)
	}
	return ids
}

// hostile says whether somebody speaks to the machine in the block.
func (b block) hostile() bool {
	return slices.ContainsFunc(b.lines, func(l line) bool { return l.text == withheld })
}

// has says whether a segment lies in the block.
func (b block) has(id meeting.SegmentID) bool {
	return slices.ContainsFunc(b.lines, func(l line) bool { return l.id == id })
}
