package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"souffleur/internal/meeting"
)

// strike takes people and their words out of a meeting whose others stay, and returns how many objects it changed.
func (f *Forgetter) strike(ctx context.Context, what Forgotten) (changed int, err error) {
	_, err = f.meetings.Update(ctx, what.Meeting, func(m *Meeting) error {
		m.strike(what.Participants)
		return nil
	})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoKey) {
		return 0, nil // the whole meeting is gone
	}
	if err != nil {
		return 0, fmt.Errorf("forget participant in meeting %s: %w", what.Meeting, err)
	}
	changed = 1
	for _, step := range []func(context.Context, Forgotten) (int, error){f.strikeBatches, f.strikeTranscript, f.strikeCorrections, f.strikeAudio, f.strikeMinutes} {
		n, err := step(ctx, what)
		if err != nil {
			return changed, fmt.Errorf("forget participant in meeting %s: %w", what.Meeting, err)
		}
		changed += n
	}
	return changed, nil
}

// strike replaces the names of people, and takes out what else stands there of them.
func (m *Meeting) strike(people []meeting.ParticipantID) {
	var names []string
	m.People = slices.Clone(m.People)
	for i, p := range m.People {
		if slices.Contains(people, p.Participant) && !p.Forgotten {
			names = append(names, p.Name)
			m.People[i].Person, m.People[i].Name, m.People[i].Forgotten = "", meeting.ForgottenName, true
		}
	}
	m.Tracks = slices.DeleteFunc(slices.Clone(m.Tracks), func(t meeting.Track) bool { return slices.Contains(people, t.Participant) })
	m.Consents = slices.DeleteFunc(slices.Clone(m.Consents), func(c meeting.Consent) bool { return slices.Contains(people, c.Participant) })
	m.Policies = slices.Clone(m.Policies)
	for i, p := range m.Policies {
		// Who switched the AI before joining stands there by name only.
		if slices.Contains(people, p.By) || p.By == "" && slices.Contains(names, p.ByName) {
			m.Policies[i].ByName = meeting.ForgottenName
		}
	}
}

// forgottenIn lists those whose words must not be shown.
func forgottenIn(people []meeting.Person) []meeting.ParticipantID {
	var forgotten []meeting.ParticipantID
	for _, p := range people {
		if p.Forgotten {
			forgotten = append(forgotten, p.Participant)
		}
	}
	return forgotten
}

// withoutWordsOf leaves out what people said. segments stay as they are.
func withoutWordsOf(people []meeting.ParticipantID, segments []meeting.Segment) []meeting.Segment {
	said := func(s meeting.Segment) bool { return slices.Contains(people, s.Spk.Participant()) }
	if len(people) == 0 || !slices.ContainsFunc(segments, said) {
		return segments
	}
	return slices.DeleteFunc(slices.Clone(segments), said)
}

// strikeBatches writes the batches anew that hold words of people.
func (f *Forgetter) strikeBatches(ctx context.Context, what Forgotten) (int, error) {
	prefix, err := meetingPath(what.Meeting, batchFolder)
	if err != nil {
		return 0, err
	}
	objects, err := f.store.List(ctx, prefix)
	if err != nil {
		return 0, err
	}
	changes, err := fetchAll(ctx, objects, func(ctx context.Context, o Object) (int, error) {
		return f.strikeBatch(ctx, what, o.Key)
	})
	changed := 0
	for _, n := range changes {
		changed += n
	}
	return changed, err
}

// strikeBatch returns 1 if the batch had words of people. A batch that does not open is removed: it may hold theirs, and nobody can
// read it.
func (f *Forgetter) strikeBatch(ctx context.Context, what Forgotten, object string) (int, error) {
	for try := 1; ; try++ {
		key, err := f.keys.Archive(ctx, what.Meeting)
		if err != nil {
			return 0, err
		}
		body, etag, err := f.store.Get(ctx, object)
		if err != nil {
			return 0, err
		}
		segments, err := openBatch(key, object, body)
		if isLost(err) {
			return 1, f.store.Delete(ctx, object)
		}
		if err != nil {
			return 0, err
		}
		rest := withoutWordsOf(what.Participants, segments)
		switch {
		case len(rest) == len(segments):
			return 0, nil
		case len(rest) == 0:
			return 1, f.store.Delete(ctx, object)
		}
		if body, err = sealBatch(key, object, rest); err != nil {
			return 0, err
		}
		err = f.store.Update(ctx, object, body, etag)
		if err == nil || !errors.Is(err, ErrConflict) || try == maxChanges {
			return 1, err
		}
	}
}

// strikeTranscript writes the transcript anew, with the revision after it.
func (f *Forgetter) strikeTranscript(ctx context.Context, what Forgotten) (int, error) {
	m, err := f.meetings.Get(ctx, what.Meeting)
	if err != nil {
		return 0, err
	}
	for try := 1; ; try++ {
		kept, etag, err := f.transcripts.stored(ctx, what.Meeting)
		if errors.Is(err, ErrNotFound) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		before := len(kept.Segments)
		named := slices.ContainsFunc(kept.People, func(p meeting.Person) bool {
			return slices.Contains(what.Participants, p.Participant) && !p.Forgotten
		})
		kept.describe(m)
		if len(kept.Segments) == before && !named {
			return 0, nil // was written anew before a crash
		}
		kept.Rev++
		err = f.transcripts.write(ctx, kept, etag)
		if errors.Is(err, ErrConflict) && try < maxChanges {
			continue
		}
		if err != nil {
			return 0, err
		}
		_, err = f.meetings.Update(ctx, what.Meeting, func(m *Meeting) error {
			m.TranscriptRev = max(m.TranscriptRev, kept.Rev)
			return nil
		})
		return 1, err
	}
}

// strikeCorrections removes what people wrote in place of the words, and the names they gave. It comes after the words and always
// writes: an edit that has read those meets a conflict.
func (f *Forgetter) strikeCorrections(ctx context.Context, what Forgotten) (int, error) {
	for _, participant := range what.Participants {
		if err := f.transcripts.ForgetCorrections(ctx, what.Meeting, participant); err != nil {
			return 0, err
		}
	}
	return 1, nil
}

// strikeAudio removes the sound of people's tracks.
func (f *Forgetter) strikeAudio(ctx context.Context, what Forgotten) (int, error) {
	removed := 0
	for _, track := range what.Tracks {
		if !track.Valid() {
			continue // no name of ours
		}
		prefix, err := audioFolderOf(what.Meeting, track)
		if err != nil {
			return removed, err
		}
		objects, err := f.store.List(ctx, prefix)
		if err != nil {
			return removed, err
		}
		if err := f.store.deleteAll(ctx, objects); err != nil {
			return removed, err
		}
		removed += len(objects)
	}
	return removed, nil
}

// strikeMinutes takes what was said out of the minutes. It comes after the words and always writes, as strikeCorrections does.
func (f *Forgetter) strikeMinutes(ctx context.Context, what Forgotten) (int, error) {
	return NewMinutes(f.store, f.keys, f.transcripts).forget(ctx, what)
}
