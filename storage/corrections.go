package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"souffleur/internal/meeting"
)

// Errors of [Transcripts.Edit] that callers branch on, beside ErrNotFound, ErrNoKey and ErrConflict.
var (
	ErrNotFinal  = errors.New("transcript is not complete yet")
	ErrNoSegment = errors.New("transcript has no such segment, or nothing was heard in it")
	ErrNoSpeaker = errors.New("nobody in the transcript is this speaker")
)

// SpeakerName is a name that somebody gave to a speaker of the transcript. It goes before the one they joined with.
type SpeakerName struct {
	Spk      meeting.SpeakerID `json:"spk"`
	Name     string            `json:"name"`
	By       meeting.PersonID  `json:"by,omitempty"`
	AtUnixMS int64             `json:"at_unix_ms"`
}

// Edit is what somebody changes in a transcript at once.
type Edit struct {
	By       meeting.PersonID
	AtUnixMS int64
	Texts    map[meeting.SegmentID]*string // nil: back to what was recognised
	Names    map[meeting.SpeakerID]*string // nil: back to the name they joined with

	Speakers map[meeting.SegmentID]*meeting.SpeakerID // whose the words are, of those at the same microphone; nil: back to what was heard
}

// corrections is meetings/<id>/corrections.json: what people changed in a transcript. What was recognised stays as it is
// in the batches and in transcript.json, so a correction can be undone, outlives every rebuild, and a better version of a
// segment does not undo it.
type corrections struct {
	Rev      int                                 `json:"rev"` // rises with every change; 0 if nothing was ever changed
	Segments map[meeting.SegmentID]correction    `json:"segments,omitempty"`
	Names    map[meeting.SpeakerID]speakerNaming `json:"names,omitempty"`

	Speakers map[meeting.SegmentID]speakerChoice `json:"speakers,omitempty"`
}

// speakerChoice is the voice that somebody heard in a segment.
type speakerChoice struct {
	Spk      meeting.SpeakerID `json:"spk"`
	By       meeting.PersonID  `json:"by,omitempty"`
	AtUnixMS int64             `json:"at_unix_ms"`
}

// correction is the text that somebody wrote in place of a segment's.
type correction struct {
	Text     string            `json:"text"`
	Spk      meeting.SpeakerID `json:"spk"` // whose words they are, to be forgotten with them
	By       meeting.PersonID  `json:"by,omitempty"`
	AtUnixMS int64             `json:"at_unix_ms"`
}

// speakerNaming is the name that somebody gave to a speaker.
type speakerNaming struct {
	Name     string           `json:"name"`
	By       meeting.PersonID `json:"by,omitempty"`
	AtUnixMS int64            `json:"at_unix_ms"`
}

const correctionsFile = "corrections.json"

// Version names the state of a final transcript: two that are equal have the same words and names.
func (t *Transcript) Version() string { return fmt.Sprintf("%d.%d", t.Rev, t.EditRev) }

// Edit changes the text of segments, their speakers and the names of speakers, all or nothing, and returns the transcript as it is then.
// version is that of the transcript which whoever edits has before them; if it is another by now, the error is
// ErrConflict and nothing was changed. Only a final transcript can be changed (ErrNotFinal): until then a recogniser may
// still replace what it said, and the correction would be of words that nobody reads any more.
func (t *Transcripts) Edit(ctx context.Context, id meeting.ID, version string, e Edit) (*Transcript, error) {
	recognised, err := t.recognised(ctx, id)
	if err != nil {
		return nil, err
	}
	if !recognised.Final {
		return nil, fmt.Errorf("edit transcript of %s: %w", id, ErrNotFinal)
	}
	now, etag, err := t.corrections(ctx, id)
	if err != nil {
		return nil, err
	}
	recognised.EditRev = now.Rev
	if recognised.Version() != version {
		return nil, fmt.Errorf("edit transcript of %s: %w", id, ErrConflict)
	}
	changed, err := now.edit(recognised, e)
	if err != nil {
		return nil, fmt.Errorf("edit transcript of %s: %w", id, err)
	}
	if changed {
		now.Rev++
		if err := t.writeCorrections(ctx, id, now, etag); err != nil {
			return nil, err
		}
	}
	now.apply(recognised)
	return recognised, nil
}

// edit applies e to the corrections of a transcript as it was recognised and says whether anything is different now.
func (c *corrections) edit(t *Transcript, e Edit) (changed bool, err error) {
	bySeg := make(map[meeting.SegmentID]*meeting.Segment, len(t.Segments))
	for i := range t.Segments {
		bySeg[t.Segments[i].Seg] = &t.Segments[i]
	}
	for seg, text := range e.Texts {
		s := bySeg[seg]
		if s == nil || s.Quality == meeting.QualityGap {
			return false, fmt.Errorf("segment %q: %w", seg, ErrNoSegment)
		}
		changed = c.setText(s, text, e) || changed
	}
	for seg, spk := range e.Speakers {
		s := bySeg[seg]
		if s == nil || s.Quality == meeting.QualityGap {
			return false, fmt.Errorf("segment %q: %w", seg, ErrNoSegment)
		}
		if spk != nil && !t.mayBe(s, *spk) {
			return false, fmt.Errorf("speaker %q of segment %q: %w", *spk, seg, ErrNoSpeaker)
		}
		changed = c.setSpeaker(s, spk, e) || changed
	}
	for spk, name := range e.Names {
		if c.chosen(spk) { // only people heard this voice
			changed = c.setName(spk, "", name, e) || changed
			continue
		}
		joined, ok := t.joinedName(spk)
		if !ok {
			return false, fmt.Errorf("speaker %q: %w", spk, ErrNoSpeaker)
		}
		changed = c.setName(spk, joined, name, e) || changed
	}
	return changed, nil
}

func (c *corrections) setText(s *meeting.Segment, text *string, e Edit) (changed bool) {
	old, was := c.Segments[s.Seg]
	if text == nil || *text == s.Text {
		delete(c.Segments, s.Seg)
		return was
	}
	if was && old.Text == *text {
		return false
	}
	if c.Segments == nil {
		c.Segments = map[meeting.SegmentID]correction{}
	}
	c.Segments[s.Seg] = correction{Text: *text, Spk: s.Spk, By: e.By, AtUnixMS: e.AtUnixMS}
	return true
}

// mayBe says whether a segment may be given to a speaker: to whoever holds the microphone, to a voice that was heard there, or to
// one more, where two people were taken for one.
func (t *Transcript) mayBe(s *meeting.Segment, spk meeting.SpeakerID) bool {
	p := s.Spk.Participant()
	if p == "" || spk.Participant() != p || s.Spk.Captioner() {
		return false
	}
	if spk == meeting.SpeakerID(p) {
		return true
	}
	highest := 0
	for i := range t.Segments {
		if of := t.Segments[i].Spk; of.Participant() == p {
			highest = max(highest, of.Voice())
		}
	}
	return highest > 0 && spk.Voice() > 0 && spk.Voice() <= highest+1
}

func (c *corrections) setSpeaker(s *meeting.Segment, spk *meeting.SpeakerID, e Edit) (changed bool) {
	old, was := c.Speakers[s.Seg]
	if spk == nil || *spk == s.Spk {
		delete(c.Speakers, s.Seg)
		return was
	}
	if was && old.Spk == *spk {
		return false
	}
	if c.Speakers == nil {
		c.Speakers = map[meeting.SegmentID]speakerChoice{}
	}
	c.Speakers[s.Seg] = speakerChoice{Spk: *spk, By: e.By, AtUnixMS: e.AtUnixMS}
	return true
}

// chosen says whether somebody gave a segment to a speaker.
func (c *corrections) chosen(spk meeting.SpeakerID) bool {
	for _, choice := range c.Speakers {
		if choice.Spk == spk {
			return true
		}
	}
	return false
}

func (c *corrections) setName(spk meeting.SpeakerID, joined string, name *string, e Edit) (changed bool) {
	old, was := c.Names[spk]
	if name == nil || *name == joined {
		delete(c.Names, spk)
		return was
	}
	if was && old.Name == *name {
		return false
	}
	if c.Names == nil {
		c.Names = map[meeting.SpeakerID]speakerNaming{}
	}
	c.Names[spk] = speakerNaming{Name: *name, By: e.By, AtUnixMS: e.AtUnixMS}
	return true
}

// joinedName returns the name with which a speaker joined, and whether there is such a speaker: a participant, or a voice
// on a shared microphone, which has no name of its own.
func (t *Transcript) joinedName(spk meeting.SpeakerID) (name string, ok bool) {
	for _, p := range t.People {
		if meeting.SpeakerID(p.Participant) == spk {
			return p.Name, true
		}
	}
	return "", slices.ContainsFunc(t.Segments, func(s meeting.Segment) bool { return s.Spk == spk })
}

// apply puts what people changed into a transcript as it was recognised. Corrections of segments that are not there any
// more are passed over.
func (c *corrections) apply(t *Transcript) {
	t.EditRev = c.Rev
	if len(c.Segments) > 0 {
		for i := range t.Segments {
			if k, ok := c.Segments[t.Segments[i].Seg]; ok && t.Segments[i].Quality != meeting.QualityGap {
				k.apply(&t.Segments[i])
			}
		}
	}
	for i := range t.Segments {
		s := &t.Segments[i]
		if k, ok := c.Speakers[s.Seg]; ok && s.Quality != meeting.QualityGap {
			s.Assigned = &meeting.Assigned{Spk: s.Spk, By: k.By, AtUnixMS: k.AtUnixMS}
			s.Spk = k.Spk
		}
	}
	t.Names = nil
	for spk, n := range c.Names {
		t.Names = append(t.Names, SpeakerName{Spk: spk, Name: n.Name, By: n.By, AtUnixMS: n.AtUnixMS})
	}
	slices.SortFunc(t.Names, func(a, b SpeakerName) int { return strings.Compare(string(a.Spk), string(b.Spk)) })
}

func (k correction) apply(s *meeting.Segment) {
	s.Original = &meeting.Original{Text: s.Text, Words: s.Words, Conf: s.Conf, By: k.By, AtUnixMS: k.AtUnixMS}
	s.Words = realign(s, k.Text)
	s.Text, s.Stable = k.Text, utf8.RuneCountInString(k.Text)
	s.Conf = 1
	if len(s.Words) > 0 {
		var sum float32
		for _, w := range s.Words {
			sum += w.P
		}
		s.Conf = sum / float32(len(s.Words))
	}
}

// corrections reads what people changed and the ETag of the object; nothing and "" if there is none.
func (t *Transcripts) corrections(ctx context.Context, id meeting.ID) (*corrections, string, error) {
	object, err := meetingPath(id, correctionsFile)
	if err != nil {
		return nil, "", err
	}
	body, etag, err := t.store.Get(ctx, object)
	if errors.Is(err, ErrNotFound) {
		return new(corrections), "", nil
	}
	if err != nil {
		return nil, "", err
	}
	key, err := t.keys.Archive(ctx, id)
	if err != nil {
		return nil, "", err
	}
	c := new(corrections)
	return c, etag, openDocument(key, object, body, c)
}

// writeCorrections stores c in place of the object with the given ETag; "" if there is none. ErrConflict if somebody else
// was first.
func (t *Transcripts) writeCorrections(ctx context.Context, id meeting.ID, c *corrections, etag string) error {
	object, err := meetingPath(id, correctionsFile)
	if err != nil {
		return err
	}
	key, err := t.keys.Archive(ctx, id)
	if err != nil {
		return err
	}
	body, err := sealDocument(key, object, c)
	if err != nil {
		return err
	}
	if len(body) > maxObject {
		return fmt.Errorf("write %s: %w", object, ErrTooLarge)
	}
	if etag != "" {
		return t.store.Update(ctx, object, body, etag)
	}
	err = t.store.Create(ctx, object, body)
	if errors.Is(err, ErrExists) {
		return fmt.Errorf("write %s: %w", object, ErrConflict)
	}
	return err
}

// ForgetCorrections removes the corrections of one participant's words and the names given to them. Whoever forgets a
// participant calls it after the words have been taken out of batches and transcript: it always writes the object, so an
// edit that has read those words meets a conflict.
func (t *Transcripts) ForgetCorrections(ctx context.Context, id meeting.ID, participant meeting.ParticipantID) error {
	read := func(ctx context.Context) (*corrections, string, error) { return t.corrections(ctx, id) }
	write := func(ctx context.Context, c *corrections, etag string) error {
		return t.writeCorrections(ctx, id, c, etag)
	}
	_, err := change(ctx, read, write, func(c **corrections) error {
		maps.DeleteFunc((*c).Segments, func(_ meeting.SegmentID, k correction) bool { return k.Spk.Participant() == participant })
		maps.DeleteFunc((*c).Speakers, func(_ meeting.SegmentID, k speakerChoice) bool { return k.Spk.Participant() == participant })
		maps.DeleteFunc((*c).Names, func(spk meeting.SpeakerID, _ speakerNaming) bool { return spk.Participant() == participant })
		(*c).Rev++
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget corrections of %s: %w", id, err)
	}
	return nil
}
