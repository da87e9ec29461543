package node

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/storage"
)

// captions returns what stood last in each caption that the guest was sent, by segment, partials withdrawn left out.
func (g *guest) captions() map[meeting.SegmentID]meeting.Caption {
	newest := map[meeting.SegmentID]meeting.Caption{}
	for _, m := range g.messages(signal.Caption) {
		old, known := newest[m.Caption.Seg]
		if !known || m.Caption.Supersedes(&old) {
			newest[m.Caption.Seg] = *m.Caption
		}
	}
	for seg, c := range newest {
		if c.Text == "" {
			delete(newest, seg)
		}
	}
	return newest
}

// reads waits until exactly these texts stand there.
func (g *guest) readsOf(what string, texts ...string) map[meeting.SegmentID]meeting.Caption {
	g.v.t.Helper()
	var last map[meeting.SegmentID]meeting.Caption
	g.eventually(what, func() bool {
		last = g.captions()
		var got []string
		for _, c := range last {
			got = append(got, c.Text)
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(texts))
		return slices.Equal(got, want)
	})
	return last
}

func (g *guest) types(text string, final bool) {
	g.v.t.Helper()
	g.says(signal.ClientMessage{Type: signal.Type, Text: text, Final: final, Lang: "fr"})
}

func (g *guest) faults() []string {
	var codes []string
	for _, m := range g.messages(signal.Fault) {
		codes = append(codes, m.Code)
	}
	return codes
}

func (g *guest) toldFault(code string) {
	g.v.t.Helper()
	g.eventually("a fault "+code, func() bool { return slices.Contains(g.faults(), code) })
}

// seesCaptioner waits until the newest roster entry of somebody says whether they may type.
func (g *guest) seesCaptioner(id meeting.ParticipantID, may bool) {
	g.v.t.Helper()
	g.eventually("the roster says who captions", func() bool {
		all := g.messages(signal.Changed)
		return len(all) > 0 && all[len(all)-1].Peer.Participant == id && all[len(all)-1].Peer.Captioner == may
	})
}

func TestACaptionerTypesWhatOthersRead(t *testing.T) {
	v := openVenue(t)
	ada, ben := v.guest("Ada"), v.guest("Ben")
	room, _ := ada.makesRoom()
	for _, g := range []*guest{ada, ben} {
		g.arrives(room)
	}
	ada.sets(room, meeting.Transcript)
	ben.types("nobody asked me", true)
	ben.toldFault(signal.CodeNoCaptioner)
	ben.moderates(signal.ModerateCaptioner, ben.id()) // himself: he is no organizer
	ben.toldFault(signal.CodeForbidden)

	ada.moderates(signal.ModerateCaptioner, ben.id())
	ben.seesCaptioner(ben.id(), true)
	ben.eventually("Ben is told by whom", func() bool {
		told := ben.messages(signal.Moderated)
		return len(told) == 1 && told[0].Moderated.Action == signal.ModerateCaptioner && told[0].Moderated.ByName == "Ada"
	})
	ben.types("Bonjour", false)
	partial := ada.readsOf("a partial", "Bonjour")
	ben.types("Bonjour \n à  tous", true)
	for seg, c := range ada.readsOf("the line", "Bonjour à tous") {
		if _, same := partial[seg]; !same || !c.Final || c.Lang != "fr" || c.Spk != meeting.NewCaptionerID(ben.id()) || !c.Spk.Captioner() {
			t.Errorf("the line is %+v, its partial was %+v", c, partial)
		}
	}
	ben.types("unfinished", false)
	ada.readsOf("the next line", "Bonjour à tous", "unfinished")
	ben.types("", false)
	ada.readsOf("it is taken back", "Bonjour à tous")
	ben.types("unfinished", false)
	ada.readsOf("again", "Bonjour à tous", "unfinished")

	ada.moderates(signal.ModerateNoCaptioner, ben.id())
	ada.readsOf("who types no more leaves nothing half said", "Bonjour à tous")
	ben.seesCaptioner(ben.id(), false)
	had := len(ben.faults())
	ben.types("still me", true)
	ben.eventually("Ben may not", func() bool { return len(ben.faults()) == had+1 })
	ada.audited("meeting.captioner", "meetings/"+string(ada.welcome().Meeting)+"/participants/"+string(ben.id()), meeting.Organizer)
	if log := v.log.String(); strings.Contains(log, "Bonjour") || strings.Contains(log, "unfinished") {
		t.Error("the log holds what was typed")
	}
}

func TestTypedCaptionsFollowTheLevel(t *testing.T) {
	v := openVenue(t)
	ada := v.guest("Ada")
	room, _ := ada.makesRoom()
	ada.arrives(room)
	ada.moderates(signal.ModerateCaptioner, ada.id()) // an organizer may herself
	ada.seesCaptioner(ada.id(), true)
	ada.types("nobody reads this", false)
	ada.types("nobody reads this", true)
	ada.toldFault(signal.CodeTypeOff)
	ada.sets(room, meeting.Captions)
	ada.types("shown", true)
	ada.readsOf("a line", "shown")
	ada.types("begun before", false)
	ada.readsOf("a partial", "shown", "begun before")
	ada.sets(room, meeting.Transcript)
	ada.types("begun before it was stored", true)
	ada.types("stored", true)
	ada.readsOf("two lines", "shown", "begun before it was stored", "stored")

	archived := v.archives()
	id := ada.welcome().Meeting
	if status, _ := ada.asks(http.MethodPost, "/rooms/"+room+"/end", nil); status != http.StatusNoContent {
		t.Fatal(status)
	}
	var segments []meeting.Segment
	ada.eventually("the transcript is there", func() bool {
		read, err := archived.Read(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		segments = read.Segments
		return len(segments) > 0
	})
	if len(segments) != 1 || segments[0].Text != "stored" || segments[0].Quality != meeting.QualityTyped || segments[0].Level != meeting.Transcript {
		t.Errorf("stored is %+v", segments)
	}
}

// archives runs an archiver until the test ends.
func (v *venue) archives() *storage.Transcripts {
	v.t.Helper()
	config := storage.DefaultArchiverConfig()
	config.BatchAge, config.Poll = 50*time.Millisecond, 50*time.Millisecond
	archiver, err := storage.NewArchiver(v.bus, v.store, v.keys, config, v.logger())
	if err != nil {
		v.t.Fatal(err)
	}
	v.background(archiver.Run)
	return storage.NewTranscripts(v.store, v.keys, v.meetings)
}

func TestACaptionerCannotFlood(t *testing.T) {
	v := openVenue(t)
	ada := v.guest("Ada")
	room, _ := ada.makesRoom()
	ada.arrives(room)
	ada.sets(room, meeting.Captions)
	ada.moderates(signal.ModerateCaptioner, ada.id())
	ada.seesCaptioner(ada.id(), true)
	for range 40 {
		ada.types("and again", true)
	}
	ada.toldFault(signal.CodeTypeTooFast)
	ada.eventually("all are answered", func() bool { return len(ada.captions())+len(ada.faults()) == 40 })
	if n := len(ada.captions()); n < linesBurst || n > 2*linesBurst {
		t.Errorf("%d of 40 lines came through", n)
	}
	if len(ada.messages(signal.Gone)) > 0 {
		t.Error("who types too fast was thrown out")
	}
}

func TestACaptionerIsOneAfterAReloadAndARestart(t *testing.T) {
	v := openVenue(t)
	ada, ben := v.guest("Ada"), v.guest("Ben")
	room, _ := ada.makesRoom()
	for _, g := range []*guest{ada, ben} {
		g.arrives(room)
	}
	ada.moderates(signal.ModerateCaptioner, ben.id())
	ben.seesCaptioner(ben.id(), true)
	may := func() bool {
		for _, p := range ben.welcome().Peers {
			if p.Participant == ben.id() {
				return p.Captioner
			}
		}
		return false
	}
	ben.arrives(room) // another participant, the same person
	if !may() {
		t.Error("after a reload Ben types no more")
	}
	ada.eventually("that is stored", func() bool {
		m, err := v.meetings.Get(t.Context(), ada.welcome().Meeting)
		return err == nil && len(m.People) == 3 && m.People[2].Captioner
	})
	v.restart()
	ben.comes()
	if !may() {
		t.Error("after a restart Ben types no more")
	}
}

func TestWhoComesLateReadsWhatTheRoomLetsThem(t *testing.T) {
	v := openVenue(t)
	ada := v.guest("Ada")
	room, _ := ada.makesRoom()
	ada.arrives(room)
	ada.sets(room, meeting.Transcript)
	ada.moderates(signal.ModerateCaptioner, ada.id())
	ada.seesCaptioner(ada.id(), true)
	ada.types("before", true)
	ada.readsOf("a line", "before")
	late, private := v.guest("Late"), v.guest("Private")
	for _, g := range []*guest{late, private} {
		g.notice = "1.transcript"
	}
	late.arrives(room)
	late.readsOf("what was said before", "before")
	late.says(signal.ClientMessage{Type: signal.History})
	late.eventually("there is no more", func() bool {
		all := late.messages(signal.History)
		return len(all) == 1 && len(all[0].Captions) == 0 && !all[0].More
	})

	rules := map[string]any{"lobby": false, "max_people": 0, "share": "everybody", "share_replaces": false, "late_private": true}
	if status, a := ada.asks(http.MethodPatch, "/rooms/"+room, map[string]any{"rules": rules}); status != http.StatusOK || a["rules"].(map[string]any)["late_private"] != true {
		t.Fatalf("the rule answers %d %v", status, a["rules"])
	}
	private.arrives(room)
	ada.types("after", true)
	private.readsOf("only what is said since", "after")
	private.comes() // the network was away
	private.readsOf("only what was said since", "after")
	private.says(signal.ClientMessage{Type: signal.History})
	private.eventually("an answer", func() bool { return len(private.messages(signal.History)) == 1 })
	if got := private.messages(signal.History)[0]; len(got.Captions) > 0 || got.More {
		t.Errorf("who came late is told %+v", got)
	}
	ada.comes()
	ada.readsOf("an organizer reads all", "before", "after")
}
