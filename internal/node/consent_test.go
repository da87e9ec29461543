package node

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/client"
	"souffleur/internal/meeting"
	"souffleur/internal/ogg"
	"souffleur/internal/signal"
	"souffleur/storage"
)

// sets switches the AI of a room.
func (g *guest) sets(room string, level meeting.Level) {
	g.v.t.Helper()
	if status, a := g.asks(http.MethodPut, "/rooms/"+room+"/ai", map[string]any{"level": level}); status != http.StatusOK {
		g.v.t.Fatalf("setting the AI answers %d %v", status, a)
	}
}

// arrives joins and waits for the welcome.
func (g *guest) arrives(room string) {
	g.v.t.Helper()
	if problem := g.joins(room); problem != "" {
		g.v.t.Fatalf("%s: %s", g.name, problem)
	}
	g.welcome()
}

// consentsOf waits until as many consents are stored as wanted, and returns them by participant.
func (g *guest) consentsOf(id meeting.ID, wanted int) map[meeting.ParticipantID][]meeting.Consent {
	g.v.t.Helper()
	all := map[meeting.ParticipantID][]meeting.Consent{}
	g.eventually("consents are stored", func() bool {
		m, err := g.v.meetings.Get(g.v.t.Context(), id)
		if err != nil {
			g.v.t.Fatal(err)
		}
		clear(all)
		for _, c := range m.Consents {
			all[c.Participant] = append(all[c.Participant], c)
		}
		return len(m.Consents) == wanted
	})
	return all
}

func TestNobodyJoinsWithoutKnowingOfTheAI(t *testing.T) {
	v := openVenue(t)
	ada, ben, cleo := v.guest("Ada"), v.guest("Ben"), v.guest("Cleo")
	room, _ := ada.makesRoom()
	ada.arrives(room) // with the AI off there is nothing to know
	ada.sets(room, meeting.Captions)
	for _, notice := range []string{"", "1.off"} {
		ben.notice = notice
		if problem := ben.joins(room); problem != "notice-needed" {
			t.Errorf("with the notice %q Ben is answered %q", notice, problem)
		}
	}
	ben.notice = "nonsense"
	if problem := ben.joins(room); problem != "bad-request" {
		t.Errorf("with nonsense Ben is answered %q", problem)
	}
	ben.notice = "1.captions"
	before := time.Now().UnixMilli()
	ben.arrives(room)
	cleo.notice = "1.captions" // her page showed this, and then the level was raised
	ada.sets(room, meeting.Minutes)
	if problem := cleo.joins(room); problem != "notice-needed" {
		t.Errorf("with an old notice Cleo is answered %q", problem)
	}
	cleo.notice = "7.minutes"
	cleo.arrives(room)
	ada.sets(room, meeting.Off)
	ada.sets(room, meeting.Minutes) // nothing new to anybody

	got := ada.consentsOf(ada.welcome().Meeting, 5)
	told := func(c meeting.Consent, level meeting.Level) bool {
		return c.Told && c.Notice == "" && c.Level == level && c.Person != ""
	}
	if c := got[ada.id()]; len(c) != 2 || !told(c[0], meeting.Captions) || !told(c[1], meeting.Minutes) {
		t.Errorf("Ada, who was there, has %+v", c)
	}
	c := got[ben.id()]
	if len(c) != 2 || c[0].Notice != "1" || c[0].Level != meeting.Captions || c[0].Told || c[0].AtUnixMS < before || !told(c[1], meeting.Minutes) {
		t.Errorf("Ben, who agreed, has %+v", c)
	}
	if c := got[cleo.id()]; len(c) != 1 || c[0].Notice != "7" || c[0].Level != meeting.Minutes {
		t.Errorf("Cleo has %+v", c)
	}

	v.restart()
	ben.comes()
	cleo.comes()
	again := ada.consentsOf(ben.welcome().Meeting, 5) // coming back is no new consent
	if !slices.Equal(again[ben.id()], got[ben.id()]) {
		t.Errorf("after a restart Ben has %+v", again[ben.id()])
	}
}

func TestWhoIsOnTheWayWhenTheLevelRisesIsTold(t *testing.T) {
	v := openVenue(t)
	ada, ben := v.guest("Ada"), v.guest("Ben")
	room, _ := ada.makesRoom()
	ada.arrives(room)
	status, a := ben.asks(http.MethodPost, "/rooms/"+room+"/join", map[string]any{"name": "Ben"})
	if status != http.StatusOK {
		t.Fatal(status, a)
	}
	ben.token = a["token"].(string)
	ada.sets(room, meeting.Transcript)
	ben.comes()
	if level := ben.welcome().AI.Policy.Level; level != meeting.Transcript {
		t.Errorf("Ben is welcomed with %v", level)
	}
	if c := ada.consentsOf(ada.welcome().Meeting, 2)[ben.id()]; len(c) != 1 || !c[0].Told {
		t.Errorf("Ben has %+v", c)
	}
}

func TestConsentGoesWithTheWords(t *testing.T) {
	v := openVenue(t)
	ada, ben := v.guest("Ada"), v.guest("Ben")
	room, _ := ada.makesRoom()
	ada.arrives(room)
	ada.sets(room, meeting.Transcript)
	ben.notice = "1.transcript"
	ben.arrives(room)
	id, gone := ada.welcome().Meeting, ben.id()
	ada.consentsOf(id, 2)
	if status, _ := ada.asks(http.MethodPost, "/rooms/"+room+"/end", nil); status != http.StatusNoContent {
		t.Fatalf("ending answers %d", status)
	}
	status, a := ada.asks(http.MethodGet, "/meetings/"+string(id), nil)
	if list, _ := a["consents"].([]any); status != http.StatusOK || len(list) != 2 {
		t.Errorf("the organizer reads %d %v", status, a["consents"])
	}
	_, err := v.meetings.Update(t.Context(), id, func(m *storage.Meeting) error { m.LiveKeyGone = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
	forgetter := storage.NewForgetter(v.bus, v.store, v.keys, storage.NewTranscripts(v.store, v.keys, v.meetings), v.logger())
	if err := forgetter.Person(t.Context(), id, gone, storage.Requester{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	for who, c := range ada.consentsOf(id, 1) {
		if who == gone || len(c) != 1 {
			t.Errorf("%s still has %+v", who, c)
		}
	}
}

// speaksAlong joins as a scripted participant and speaks again and again until the test ends.
func (v *venue) speaksAlong(room, name string, optOut bool) *client.Client {
	v.t.Helper()
	c, err := client.Join(v.t.Context(), client.Config{URL: v.http.URL + "/r/" + room, Name: name, OptOut: optOut})
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var speaking sync.WaitGroup
	speaking.Go(func() {
		for ctx.Err() == nil {
			if err := speakOnce(ctx, c); err != nil && !errors.Is(err, context.Canceled) {
				v.t.Error(err)
				return
			}
		}
	})
	v.t.Cleanup(func() { stop(); speaking.Wait(); c.Close() })
	return c
}

func speakOnce(ctx context.Context, c *client.Client) error {
	f, err := os.Open("../../testdata/speech/jfk-1.ogg")
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := ogg.NewReader(f)
	if err != nil {
		return err
	}
	return c.Speak(ctx, client.Recording(r), func(time.Time) {})
}

// heardOnTheBus counts the audio records of each track, and notes whose tracks were announced.
type heardOnTheBus struct {
	mu      sync.Mutex
	records map[meeting.TrackID]int
}

func (v *venue) listensToTheBus() *heardOnTheBus {
	h := &heardOnTheBus{records: map[meeting.TrackID]int{}}
	v.background(func(ctx context.Context) error {
		return v.bus.Follow(ctx, bus.Audio, bus.FollowOptions{}, func(m bus.Message) {
			_, track, _ := strings.Cut(m.Key, "/")
			h.mu.Lock()
			h.records[meeting.TrackID(track)]++
			h.mu.Unlock()
		})
	})
	return h
}

func (h *heardOnTheBus) count(tracks []meeting.TrackID) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, t := range tracks {
		n += h.records[t]
	}
	return n
}

// all counts what came of anybody.
func (h *heardOnTheBus) all() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, records := range h.records {
		n += records
	}
	return n
}

func (v *venue) tracksOf(id meeting.ID, who meeting.ParticipantID) []meeting.TrackID {
	m, err := v.meetings.Get(v.t.Context(), id)
	if err != nil {
		v.t.Fatal(err)
	}
	var tracks []meeting.TrackID
	for _, t := range m.Tracks {
		if t.Participant == who {
			tracks = append(tracks, t.Track)
		}
	}
	return tracks
}

// TestOptedOutBeforeJoiningReachesNoBus: who chose “Do not transcribe me” on the page before joining is on no topic with a single
// packet, also after a restart of the server, while another one is; and is there once they take it back.
func TestOptedOutBeforeJoiningReachesNoBus(t *testing.T) {
	if testing.Short() {
		t.Skip("speaks for some seconds")
	}
	v := openVenue(t)
	ada := v.guest("Ada")
	room, _ := ada.makesRoom()
	ada.arrives(room)
	ada.sets(room, meeting.Captions)
	heard := v.listensToTheBus()
	mute := v.speaksAlong(room, "Mute", true)
	ben := v.speaksAlong(room, "Ben", false)
	live, quiet := ada.welcome().Meeting, mute.Welcome().Participant
	ada.eventually("everybody sees who is not transcribed", func() bool {
		for _, m := range ada.messages(signal.Joined) {
			if m.Peer.Participant == quiet {
				return m.Peer.OptOut
			}
		}
		return false
	})
	onlyBen := func(records int) {
		t.Helper()
		ada.eventually("Ben is on the bus", func() bool { return heard.count(v.tracksOf(live, ben.Welcome().Participant)) >= records })
		if n := len(v.tracksOf(live, quiet)); n > 0 {
			t.Fatalf("%d tracks of who opted out were announced", n)
		}
		if others := heard.all() - heard.count(v.tracksOf(live, ben.Welcome().Participant)); others > 0 {
			t.Fatalf("%d records of others are on the bus", others)
		}
	}
	onlyBen(30) // three seconds

	v.restart()
	ada.eventually("the scripts are back", func() bool { return mute.Connected() && ben.Connected() })
	ada.comes()
	onlyBen(heard.all() + 30)
	for _, p := range ada.welcome().Peers {
		if p.Participant == quiet && !p.OptOut {
			t.Error("after the restart nobody sees it")
		}
	}

	mute.OptOut(false)
	ada.eventually("who takes it back is on the bus", func() bool { return heard.count(v.tracksOf(live, quiet)) > 0 })
}
