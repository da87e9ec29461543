package storage

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

func TestTheShorterClockHolds(t *testing.T) {
	const day = int64(24 * time.Hour / time.Millisecond)
	days := func(n int) Retention { return Retention{Text: Clock{Days: n}} }
	m := Meeting{EndedUnixMS: 100 * day}
	for name, c := range map[string]struct {
		meeting        Meeting
		instance, room Retention
		due            int64
		canKeep        bool
	}{
		"nobody sets one":               {m, days(0), days(0), 0, false},
		"the installation's":            {m, days(30), days(0), 130 * day, false},
		"the room's":                    {m, days(0), days(10), 110 * day, true},
		"the room's is shorter":         {m, days(30), days(10), 110 * day, true},
		"the room's is longer":          {m, days(30), days(90), 130 * day, false},
		"kept":                          {Meeting{EndedUnixMS: 100 * day, Kept: true}, days(30), days(10), 130 * day, false},
		"brought here later":            {Meeting{EndedUnixMS: 100 * day, ImportedUnixMS: 400 * day}, days(30), days(10), 410 * day, true},
		"kept without limit":            {Meeting{EndedUnixMS: 100 * day, Kept: true}, days(0), days(10), 0, false},
		"going on":                      {Meeting{}, days(1), days(1), 0, false},
		"shortened long before its end": {m, Retention{Text: Clock{Days: 30, SinceUnixMS: day}}, days(0), 130 * day, false},
		"shortened long after its end":  {m, Retention{Text: Clock{Days: 30, SinceUnixMS: 500 * day}}, days(0), 507 * day, false},
		"the grace of another clock":    {m, Retention{Text: Clock{Days: 30, SinceUnixMS: 500 * day}}, days(90), 190 * day, true},
	} {
		due := DueOf(c.meeting, c.instance, c.room)
		if due.Text != c.due || due.CanKeep != c.canKeep || due.Audio != 0 || due.Minutes != 0 {
			t.Errorf("%s: %+v, want %d", name, due, c.due)
		}
	}
}

func TestOnlyAShorterClockGetsGrace(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	for name, c := range map[string]struct {
		from, to int
		grace    bool
	}{
		"from no limit": {0, 30, true}, "shorter": {30, 7, true}, "the same": {30, 30, false}, "longer": {30, 90, false}, "to no limit": {30, 0, false},
	} {
		clock := Clock{Days: c.from}
		clock.Set(c.to, now)
		if clock.Days != c.to || (clock.SinceUnixMS == now.UnixMilli()) != c.grace {
			t.Errorf("%s: %+v", name, clock)
		}
	}
	if (Clock{Days: -1}).Validate() == nil || (Retention{Minutes: Clock{Days: MaxRetentionDays + 1}}).Validate() == nil {
		t.Error("impossible clocks are accepted")
	}
	if (Retention{Text: Clock{Days: 31}}).Exceeds(Retention{Text: Clock{Days: 30}}) != true || (Retention{Text: Clock{Days: 31}}).Exceeds(Retention{}) {
		t.Error("a room may keep longer than the installation, or is held to a limit that is not there")
	}
}

func TestEveryObjectGoesByAClock(t *testing.T) {
	for name, want := range map[string]part{
		"meeting.json": factsPart, "key.json": factsPart, "live.json": factsPart, "transcript.json": textPart, "segments/1-x.jsonl": textPart,
		"corrections.json": textPart, "something new": textPart, "audio/t1/0.opus": audioPart, "minutes.json": minutesPart, "work/x": minutesPart,
	} {
		if got := partOf(name); got != want {
			t.Errorf("%s is of part %d", name, got)
		}
	}
}

// sweeping is a bucket with a room, and a janitor whose clock the test moves.
type sweeping struct {
	*ended
	rooms    *Rooms
	instance *Instance
	janitor  *Janitor
	clock    time.Time
}

func sweepingMeeting(t *testing.T, server s3test.Server) *sweeping {
	t.Helper()
	s := &sweeping{ended: endedMeeting(t, server)}
	s.clock = time.UnixMilli(s.EndedUnixMS)
	s.rooms, s.instance = NewRooms(s.store, s.keys), NewInstance(s.store)
	must(t, s.rooms.Create(t.Context(), Room{ID: s.Room, Name: "Saal"}))
	s.janitor = s.newJanitor()
	return s
}

func (s *sweeping) newJanitor() *Janitor {
	j := NewJanitor(s.store, s.keys, s.forgetter, slog.New(slog.DiscardHandler))
	j.now = func() time.Time { return s.clock }
	return j
}

// after moves the clock to a time after the end of the meeting and lets the janitor sweep.
func (s *sweeping) after(d time.Duration) {
	s.t.Helper()
	s.clock = time.UnixMilli(s.EndedUnixMS).Add(d)
	s.janitor.sweepMeetings(s.t.Context())
}

func (s *sweeping) there(id meeting.ID) bool {
	s.t.Helper()
	_, err := s.meetings.Get(s.t.Context(), id)
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNoKey) {
		s.t.Fatal(err)
	}
	return err == nil
}

func (s *sweeping) set(change func(*Retention)) {
	s.t.Helper()
	_, err := s.instance.Update(s.t.Context(), func(settings *Settings) error {
		change(&settings.Retention)
		return nil
	})
	must(s.t, err)
}

const oneDay = 24 * time.Hour

func testRetention(t *testing.T, server s3test.Server) {
	s := sweepingMeeting(t, server)
	s.after(1000 * oneDay)
	if !s.there(s.ID) {
		t.Fatal("deleted although nobody said how long to keep")
	}
	long := s.clock
	s.set(func(r *Retention) { r.Text.Set(30, long); r.Audio.Set(30, long); r.Minutes.Set(30, long) })
	s.after(1000*oneDay + RetentionGrace - time.Minute)
	if !s.there(s.ID) {
		t.Error("deleted within the grace of a clock that was just set")
	}
	running := hold(t, s.keys, s.meetings, meeting.Transcript)
	s.after(1000*oneDay + RetentionGrace)
	if s.there(s.ID) {
		t.Error("not deleted when its time was over")
	}
	if !s.there(running.ID) {
		t.Error("a running meeting was deleted")
	}
	proofs := s.proofs("meeting.forgotten")
	if len(proofs) != 1 || proofs[0].Actor != janitorActor {
		t.Errorf("the audit says %+v", proofs)
	}
	if left, err := s.store.List(t.Context(), meetingPrefix+string(s.ID)); err != nil || len(left) != 0 {
		t.Errorf("%d objects left, %v", len(left), err)
	}
}

func testRetentionOfRooms(t *testing.T, server s3test.Server) {
	s := sweepingMeeting(t, server)
	set := func(days int) {
		_, err := s.rooms.Update(t.Context(), s.Room, func(r *Room) error {
			r.Retention = Retention{Text: Clock{Days: days}, Audio: Clock{Days: days}}
			return nil
		})
		must(t, err)
	}
	keep := func(kept bool) {
		_, err := s.meetings.Update(t.Context(), s.ID, func(m *Meeting) error {
			m.Kept = kept
			return nil
		})
		must(t, err)
	}
	set(10)
	keep(true)
	s.after(11 * oneDay)
	if !s.there(s.ID) {
		t.Fatal("deleted although an organizer keeps it")
	}
	s.set(func(r *Retention) { r.Text = Clock{Days: 20} })
	s.after(19 * oneDay)
	if !s.there(s.ID) {
		t.Fatal("deleted before the installation's time was over")
	}
	s.after(20 * oneDay)
	if len(s.objectsOf(textPart)) != 0 {
		t.Error("kept longer than the installation allows")
	}
	if len(s.objectsOf(audioPart)) != 3 || !s.there(s.ID) {
		t.Error("sound went with the text, whose clock is another")
	}
	keep(false)
	s.after(21 * oneDay)
	if s.there(s.ID) {
		t.Error("not deleted when the room's time was over")
	}
}

// testRetentionOfDeletedRooms: the promise that a room made outlives the room.
func testRetentionOfDeletedRooms(t *testing.T, server s3test.Server) {
	s := sweepingMeeting(t, server)
	_, err := s.meetings.Update(t.Context(), s.ID, func(m *Meeting) error {
		m.Retention = Retention{Text: Clock{Days: 5}, Audio: Clock{Days: 5}}
		return nil
	})
	must(t, err)
	must(t, s.rooms.Delete(t.Context(), s.Room))
	s.after(5*oneDay - time.Minute)
	if !s.there(s.ID) {
		t.Error("deleted too early")
	}
	s.after(5 * oneDay)
	if s.there(s.ID) {
		t.Error("not deleted when its room's time was over")
	}
}

func (s *sweeping) objectsOf(p part) []Object {
	s.t.Helper()
	parts, err := round{Janitor: s.janitor}.objects(s.t.Context(), s.ID)
	must(s.t, err)
	return parts[p]
}

// testSeparateClocks lets sound, text and minutes expire one after the other.
func testSeparateClocks(t *testing.T, server s3test.Server) {
	s := sweepingMeeting(t, server)
	must(t, s.store.Put(t.Context(), meetingPrefix+string(s.ID)+"/minutes.json", []byte("sealed")))
	s.set(func(r *Retention) { r.Audio, r.Text, r.Minutes = Clock{Days: 1}, Clock{Days: 7}, Clock{Days: 30} })
	count := func(facts, text, audio, minutes int) {
		t.Helper()
		for p, want := range map[part]int{factsPart: facts, textPart: text, audioPart: audio, minutesPart: minutes} {
			if got := len(s.objectsOf(p)); got != want {
				t.Errorf("%d objects of part %d, want %d", got, p, want)
			}
		}
	}
	count(2, 4, 3, 1)
	s.after(oneDay)
	count(2, 4, 0, 1)
	if got := texts(s.read(s.Meeting)); got == "" {
		t.Error("the text went with the sound")
	}
	s.after(7 * oneDay)
	count(2, 0, 0, 1)
	if v := s.read(s.Meeting); len(v.Segments) != 0 {
		t.Errorf("transcript is %+v", v)
	}
	for _, action := range []string{"retention.audio", "retention.text"} {
		if proofs := s.proofs(action); len(proofs) != 1 || proofs[0].Objects == 0 {
			t.Errorf("the audit says %+v about %s", proofs, action)
		}
	}
	s.after(30 * oneDay)
	count(0, 0, 0, 0)
}

// testNothingStoredLeavesNothing: after an hour not even the names are left of a meeting that was only captioned.
func testNothingStoredLeavesNothing(t *testing.T, server s3test.Server) {
	s := sweepingMeeting(t, server)
	finish := func(level meeting.Level, archived bool) Meeting {
		m := hold(t, s.keys, s.meetings, level)
		m, err := s.meetings.Update(t.Context(), m.ID, func(m *Meeting) error {
			m.EndedUnixMS, m.LiveKeyGone, m.TranscriptFinal = s.EndedUnixMS, archived, archived
			return nil
		})
		must(t, err)
		if archived {
			must(t, s.keys.DeleteLive(t.Context(), m.ID))
		}
		return m
	}
	off, shown := finish(meeting.Off, true), finish(meeting.Captions, true)
	silent := finish(meeting.Transcript, true) // nobody said anything
	stuck := finish(meeting.Captions, false)   // no archiver has come along
	pending := finish(meeting.Minutes, false)  // nor here, where words may still be on Kafka
	s.after(leftoverAfter - time.Minute)
	for name, m := range map[string]Meeting{"off": off, "captions": shown, "silent": silent, "stuck": stuck} {
		if !s.there(m.ID) {
			t.Errorf("%s: deleted while people may still look for it", name)
		}
	}
	s.after(time.Hour - meetingsEvery)
	for name, m := range map[string]Meeting{"off": off, "captions": shown, "silent": silent, "stuck": stuck} {
		if left, err := s.store.List(t.Context(), meetingPrefix+string(m.ID)); err != nil || len(left) != 0 {
			t.Errorf("%s: %d objects left, %v", name, len(left), err)
		}
		if _, err := NewKeyring(s.store, s.keys.master).Live(t.Context(), m.ID); !errors.Is(err, ErrNoKey) {
			t.Errorf("%s: what was shown can still be read: %v", name, err)
		}
	}
	if !s.there(pending.ID) || !s.there(s.ID) {
		t.Error("a meeting with words was deleted")
	}
}

// testJanitorsTogether: two at once, and each may be stopped.
func testJanitorsTogether(t *testing.T, server s3test.Server) {
	s := sweepingMeeting(t, server)
	for range 5 {
		s.close(hold(t, s.keys, s.meetings, meeting.Transcript))
	}
	s.set(func(r *Retention) { r.Text, r.Audio = Clock{Days: 1}, Clock{Days: 1} })
	s.clock = time.Now().Add(2 * oneDay)
	done := make(chan struct{})
	other := s.newJanitor()
	other.forgetter = s.newForgetter(s.store)
	go func() {
		defer close(done)
		other.sweepMeetings(t.Context())
	}()
	s.janitor.sweepMeetings(t.Context())
	<-done
	s.janitor.sweepMeetings(t.Context())
	if left, err := s.store.List(t.Context(), meetingPrefix); err != nil || len(left) != 0 || s.forgetting() != 0 {
		t.Errorf("%d objects and %d errands left, %v", len(left), s.forgetting(), err)
	}
}

// testJanitorPassesOverDamage: a document that does not open stops nobody, and is not kept for ever.
func testJanitorPassesOverDamage(t *testing.T, server s3test.Server) {
	s := sweepingMeeting(t, server)
	bad := s.close(hold(t, s.keys, s.meetings, meeting.Transcript))
	must(t, s.store.Put(t.Context(), meetingPrefix+string(bad.ID)+"/"+meetingFile, []byte(`{"v":1,`)))
	orphan := meetingIDAt(1_600_000_000_000) // as of an import of something old
	must(t, s.store.Put(t.Context(), meetingPrefix+string(orphan)+"/segments/late.jsonl", []byte("sealed")))
	must(t, s.store.Put(t.Context(), sessionPrefix+sha256Hex("x")+".json", []byte("damaged")))
	must(t, NewSessions(s.store, s.keys).Put(t.Context(), sha256Hex("old"), Session{ExpiresUnixMS: 1}))
	s.set(func(r *Retention) { r.Text, r.Audio = Clock{Days: 3}, Clock{Days: 3} })
	s.after(oneDay / 2)
	if left, _ := s.store.List(t.Context(), meetingPrefix+string(orphan)); len(left) == 0 {
		t.Error("a meeting that is just being made was removed")
	}
	s.after(2 * oneDay)
	if left, _ := s.store.List(t.Context(), meetingPrefix+string(orphan)); len(left) != 0 {
		t.Error("what was left of a deleted meeting stays")
	}
	s.after(3*oneDay + time.Hour)
	if s.there(s.ID) {
		t.Error("a damaged meeting holds up the others")
	}
	s.after(5 * oneDay)
	if left, _ := s.store.List(t.Context(), meetingPrefix+string(bad.ID)); len(left) != 0 {
		t.Errorf("%d objects of a damaged meeting stay for ever", len(left))
	}
	s.janitor.sweepSignIns(t.Context())
	if left, _ := s.store.List(t.Context(), sessionPrefix); len(left) != 1 {
		t.Errorf("%d sessions are left: a damaged one holds up the others", len(left))
	}
}
