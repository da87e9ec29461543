// Package eval scores what minutes find: decisions, actions and open questions against scripted meetings that people labelled, and
// texts against reference summaries (ROUGE).
package eval

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/summarize/cues"
	"souffleur/summarize/minutes"
)

// Script is a scripted meeting with its gold labels. testdata/meetings has the form: header lines ("# lang: en"), then one line an
// utterance, "Name: text", in which a label stands before the sentence that it is about: [A owner=Ben due="by Friday"], [D] or [Q].
type Script struct {
	Lang, Title, Date string
	Summary           string // what a person wrote who read it: two to four sentences
	Names             []string
	Segments          []meeting.Segment
	Labels            []Label
}

// Job returns what an engine is asked to summarise: the script, held by people of these names.
func (s *Script) Job(detail minutes.Detail) *minutes.Job {
	job := &minutes.Job{Meeting: meeting.ID(s.Title), Date: s.Date, Detail: detail, Segments: s.Segments, Names: map[meeting.SpeakerID]string{}}
	for i, name := range s.Names {
		job.Names[meeting.SpeakerID(name)] = name
		job.People = append(job.People, meeting.Person{Participant: meeting.ParticipantID(name), Name: name, Order: i})
	}
	return job
}

// Label says that a sentence is what minutes should find.
type Label struct {
	Kind  cues.Kind
	Seg   meeting.SegmentID
	Next  meeting.SegmentID // the speaker's next line, on which a labelled sentence may go on; "" if none follows
	Text  string            // of the line, from the label on
	Owner string
	Due   string
}

var (
	labelForm = regexp.MustCompile(`\[(A|D|Q)([^\]]*)\]\s*`)
	ownerForm = regexp.MustCompile(`owner=(?:"([^"]*)"|(\S+))`)
	dueForm   = regexp.MustCompile(`due="([^"]*)"`)
	kinds     = map[string]cues.Kind{"A": cues.Action, "D": cues.Decision, "Q": cues.Question}
)

// Speech is made of scripts at this rate, ms a word, with a pause between lines.
const (
	wordMS  = 350
	pauseMS = 700
)

// ReadScript reads one scripted meeting.
func ReadScript(r io.Reader) (*Script, error) {
	s := &Script{}
	lines := bufio.NewScanner(r)
	at := int64(0)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		if head, ok := strings.CutPrefix(line, "# "); ok {
			s.header(head)
			continue
		}
		name, text, ok := strings.Cut(line, ": ")
		if !ok {
			return nil, fmt.Errorf("line %d: no name", n)
		}
		at = s.say(name, text, at)
	}
	s.goOn()
	return s, lines.Err()
}

func (s *Script) header(line string) {
	key, value, _ := strings.Cut(line, ": ")
	switch key {
	case "lang":
		s.Lang = value
	case "title":
		s.Title = value
	case "date":
		s.Date = value
	case "summary":
		s.Summary = value
	}
}

func (s *Script) say(name, text string, at int64) int64 {
	if !slices.Contains(s.Names, name) {
		s.Names = append(s.Names, name)
	}
	id := meeting.SegmentID(fmt.Sprintf("s%03d", len(s.Segments)))
	for _, m := range labelForm.FindAllStringSubmatchIndex(text, -1) {
		l := Label{Kind: kinds[text[m[2]:m[3]]], Seg: id, Text: labelForm.ReplaceAllString(text[m[1]:], "")}
		if o := ownerForm.FindStringSubmatch(text[m[4]:m[5]]); o != nil {
			l.Owner = o[1] + o[2]
		}
		if d := dueForm.FindStringSubmatch(text[m[4]:m[5]]); d != nil {
			l.Due = d[1]
		}
		s.Labels = append(s.Labels, l)
	}
	text = labelForm.ReplaceAllString(text, "")
	length := int64(len(strings.Fields(text)) * wordMS)
	s.Segments = append(s.Segments, meeting.Segment{Caption: meeting.Caption{
		V: meeting.CaptionVersion, Seg: id, Spk: meeting.SpeakerID(name), T0: at, T1: at + length, Lang: s.Lang, Text: text, Final: true,
	}})
	return at + length + pauseMS
}

// goOn finds the lines on which labelled sentences may go on.
func (s *Script) goOn() {
	for i := range s.Labels {
		l := &s.Labels[i]
		at := slices.IndexFunc(s.Segments, func(g meeting.Segment) bool { return g.Seg == l.Seg })
		if at+1 < len(s.Segments) && s.Segments[at+1].Spk == s.Segments[at].Spk {
			l.Next = s.Segments[at+1].Seg
		}
	}
}

// ReadScripts reads all scripts of a folder, by name.
func ReadScripts(files fs.FS, folder string) (map[string]*Script, error) {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, err
	}
	all := map[string]*Script{}
	for _, e := range entries {
		f, err := files.Open(path.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		s, err := ReadScript(f)
		if err := f.Close(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		all[strings.TrimSuffix(e.Name(), ".txt")] = s
	}
	return all, nil
}
