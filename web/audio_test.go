package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/ogg"
	"souffleur/internal/tape"
	"souffleur/storage"
)

const (
	annasTrack = "tanna"
	bobsTrack  = "tbob"
)

// speech returns the packets of a recording, spoken from ms of the room clock on.
func speech(t testing.TB, ms int64) []tape.Packet {
	t.Helper()
	file, err := os.ReadFile("../testdata/speech/jfk-1.ogg")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ogg.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var all []tape.Packet
	for pos := ms * tape.SamplesPerMS; ; {
		p, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tape.Packet{Epoch: uint64(ms), Seq: uint64(len(all)), Pos: pos, Opus: bytes.Clone(p.Opus)})
		pos += int64(p.Samples)
	}
}

// storeAudio keeps pieces of a track.
func (s *site) storeAudio(m storage.Meeting, track meeting.TrackID, pieces ...[]tape.Packet) {
	s.t.Helper()
	w, err := storage.NewAudioWriter(s.store, s.keys, m.ID, track)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range pieces {
		if err := w.Append(s.t.Context(), p); err != nil {
			s.t.Fatal(err)
		}
	}
}

// storeTalk stores a meeting in which Anna spoke at 3 s, 65 s and 130 s.
func (s *site) storeTalk(room string) storage.Meeting {
	s.t.Helper()
	m := s.storeMeeting(meeting.RoomID(room), func(m *storage.Meeting) {
		m.Tracks = []meeting.Track{{Track: annasTrack, Participant: "p1"}}
	})
	s.storeAudio(m, annasTrack, speech(s.t, 3_000), speech(s.t, 65_000), speech(s.t, 130_000))
	return m
}

func audioPath(m storage.Meeting) string { return "/meetings/" + string(m.ID) + "/audio/" + annasTrack }

func TestWhoMayHearAMeeting(t *testing.T) {
	s := newSite(t)
	owner, guest, admin := s.browser(), s.browser(), s.admin()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeTalk(room)
	other := s.storeMeeting(meeting.RoomID(room))
	path := audioPath(m)

	owner.must(http.MethodGet, path, nil, http.StatusOK)
	for _, list := range []string{path, "/meetings/" + string(m.ID) + "/audio"} {
		if a := guest.do(http.MethodGet, list, nil); a.status != http.StatusForbidden || a.problem() != "forbidden" {
			t.Errorf("a guest got %d %s", a.status, a.problem())
		}
		if a := guest.do(http.MethodGet, list+"?reason=curious", nil); a.status != http.StatusForbidden {
			t.Errorf("a guest with a reason got %d", a.status)
		}
		if a := admin.do(http.MethodGet, list, nil); a.status != http.StatusForbidden || a.problem() != "reason-needed" {
			t.Errorf("an admin without a reason got %d %s", a.status, a.problem())
		}
	}
	if a := guest.do(http.MethodHead, path, nil); a.status != http.StatusForbidden {
		t.Errorf("a guest's HEAD got %d", a.status)
	}
	for _, missing := range []string{
		"/meetings/" + string(other.ID) + "/audio/" + annasTrack, // a track of another meeting
		"/meetings/" + string(m.ID) + "/audio/tnobody",
		"/meetings/" + string(m.ID) + "/audio/..%2F..%2Finstance-key.json",
		"/meetings/" + string(meeting.NewID()) + "/audio/" + annasTrack,
		"/meetings/nonsense/audio/" + annasTrack,
	} {
		if a := owner.do(http.MethodGet, missing, nil); a.status != http.StatusNotFound || a.problem() == "" {
			t.Errorf("%s answered %d %s", missing, a.status, a.body)
		}
	}
	long := strings.Repeat("x", maxReason+1)
	if a := admin.do(http.MethodGet, path+"?reason="+long, nil); a.status != 422 {
		t.Errorf("an overlong reason answered %d", a.status)
	}

	// A browser asks for many parts: one listening, one entry.
	for range 5 {
		if a := admin.do(http.MethodGet, path+"?reason=Court+order+7", nil, "Range", "bytes=100-"); a.status != http.StatusPartialContent {
			t.Errorf("an admin with a reason got %d", a.status)
		}
	}
	e := s.audited("audio.play")
	if e.Reason != "Court order 7" || e.Object != "meetings/"+string(m.ID) || e.Role != meeting.Admin || e.Actor == "" {
		t.Errorf("the audit says %+v", e)
	}
	admin.must(http.MethodGet, "/meetings/"+string(m.ID)+"/audio?reason=Court+order+7", nil, http.StatusOK)
	s.audited("audio.list")
	for name, again := range map[string]string{"another reason": path + "?reason=Court+order+8"} {
		admin.must(http.MethodGet, again, nil, http.StatusOK)
		if n := s.countAudited("audio.play"); n != 2 {
			t.Errorf("%s: %d entries", name, n)
		}
	}
	s.later.Store(int64(playRemembered + time.Minute))
	admin.must(http.MethodGet, path+"?reason=Court+order+8", nil, http.StatusOK)
	if n := s.countAudited("audio.play"); n != 3 {
		t.Errorf("after a while: %d entries", n)
	}

	owner.must(http.MethodDelete, "/meetings/"+string(m.ID), nil, http.StatusNoContent)
	owner.must(http.MethodGet, path, nil, http.StatusNotFound)
}

// countAudited counts the audit's entries of an action.
func (s *site) countAudited(action string) (n int) {
	s.t.Helper()
	entries, err := s.deps.Audit.Day(s.t.Context(), s.web.now())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Action == action {
			n++
		}
	}
	return n
}

func TestPartsOfSound(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	path := audioPath(s.storeTalk(room))
	whole := owner.must(http.MethodGet, path, nil, http.StatusOK)
	size := len(whole.body)
	for name, want := range map[string]string{
		"Content-Type": "audio/ogg", "Accept-Ranges": "bytes", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Content-Length": strconv.Itoa(size), "Content-Disposition": `inline; filename="audio.opus"`,
	} {
		if got := whole.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	etag := whole.header.Get("ETag")
	if len(etag) != 34 {
		t.Errorf("ETag is %s", etag)
	}
	head := owner.do(http.MethodHead, path, nil)
	if head.status != http.StatusOK || len(head.body) != 0 || head.header.Get("Content-Length") != strconv.Itoa(size) || head.header.Get("ETag") != etag {
		t.Errorf("HEAD answered %d, %d bytes, %v", head.status, len(head.body), head.header)
	}
	check := func(name string, from, to int, header ...string) {
		t.Helper()
		a := owner.do(http.MethodGet, path, nil, header...)
		if a.status != http.StatusPartialContent {
			t.Errorf("%s answered %d", name, a.status)
			return
		}
		if got, want := a.header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", from, to, size); got != want {
			t.Errorf("%s: Content-Range %q, want %q", name, got, want)
		}
		if !bytes.Equal(a.body, whole.body[from:to+1]) || a.header.Get("ETag") != etag {
			t.Errorf("%s: %d bytes that are not those of the whole", name, len(a.body))
		}
	}
	check("the first byte", 0, 0, "Range", "bytes=0-0")
	check("the headers and on", 10, 300, "Range", "bytes=10-300")
	check("the end", size-5, size-1, "Range", "bytes=-5")
	check("more than there is", size-9, size-1, "Range", fmt.Sprintf("bytes=%d-%d", size-9, size+100))
	check("everything but a byte", 1, size-1, "Range", "bytes=1-")
	check("the same version", 7, 9, "Range", "bytes=7-9", "If-Range", etag)
	for i := 0; i < size; i += size/40 + 1 { // across every border of a piece sooner or later
		to := min(i+size/20, size-1)
		check("a stretch", i, to, "Range", fmt.Sprintf("bytes=%d-%d", i, to))
	}
	for name, header := range map[string][]string{
		"another version": {"Range", "bytes=7-9", "If-Range", `"another"`},
		"no range":        {"Range", "lines=1-2", "If-Range", `"another"`},
	} {
		if a := owner.do(http.MethodGet, path, nil, header...); a.status != http.StatusOK || !bytes.Equal(a.body, whole.body) {
			t.Errorf("%s answered %d, %d bytes", name, a.status, len(a.body))
		}
	}
	a := owner.do(http.MethodGet, path, nil, "Range", fmt.Sprintf("bytes=%d-", size))
	if a.status != http.StatusRequestedRangeNotSatisfiable || a.header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
		t.Errorf("behind the end: %d, %q", a.status, a.header.Get("Content-Range"))
	}
	if a := owner.do(http.MethodGet, path, nil, "If-None-Match", etag); a.status != http.StatusNotModified {
		t.Errorf("what the browser has answered %d", a.status)
	}
}

// TestSoundGrowsUnderAnotherName: a browser must not put parts of two lengths together.
func TestSoundGrowsUnderAnotherName(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeTalk(room)
	before := owner.must(http.MethodGet, audioPath(m), nil, http.StatusOK)
	s.storeAudio(m, annasTrack, speech(t, 190_000))
	after := owner.do(http.MethodGet, audioPath(m), nil, "Range", "bytes=0-9", "If-Range", before.header.Get("ETag"))
	if after.status != http.StatusOK || len(after.body) <= len(before.body) {
		t.Errorf("answered %d, %d bytes after %d", after.status, len(after.body), len(before.body))
	}
}

func TestListOfSound(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeTalk(room)
	s.storeAudio(m, bobsTrack, speech(t, 500))
	a := owner.must(http.MethodGet, "/meetings/"+string(m.ID)+"/audio", nil, http.StatusOK)
	list := a.fields.at("tracks").([]any)
	if len(list) != 2 {
		t.Fatalf("lists %s", a.body)
	}
	anna, bob := fields(list[0].(map[string]any)), fields(list[1].(map[string]any))
	if anna.text("track") != annasTrack || anna.text("participant") != "p1" || anna.at("from_ms") != 3000.0 || anna.at("to_ms").(float64) < 138_000 {
		t.Errorf("Anna's is %v", anna)
	}
	if bob.text("track") != bobsTrack || bob.text("participant") != "" || bob.at("from_ms") != 500.0 {
		t.Errorf("a track that nobody knows any more is %v", bob)
	}
	none := s.storeMeeting(meeting.RoomID(room))
	if a := owner.must(http.MethodGet, "/meetings/"+string(none.ID)+"/audio", nil, http.StatusOK); len(a.fields.at("tracks").([]any)) != 0 {
		t.Errorf("a meeting without sound lists %s", a.body)
	}
}

// TestOtherProgramsPlayWhatIsServed: what opus-tools decode of the whole has the length of the meeting so far, and the
// speech where it was said.
func TestOtherProgramsPlayWhatIsServed(t *testing.T) {
	if _, err := exec.LookPath("opusdec"); err != nil {
		t.Skip("opusdec is not installed (Debian: opus-tools; make test installs it)")
	}
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeTalk(room)
	file, raw := filepath.Join(t.TempDir(), "a.opus"), filepath.Join(t.TempDir(), "a.raw")
	if err := os.WriteFile(file, owner.must(http.MethodGet, audioPath(m), nil, http.StatusOK).body, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "opusinfo", file).CombinedOutput(); err != nil || bytes.Contains(out, []byte("WARNING")) {
		t.Fatalf("opusinfo: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "opusdec", "--quiet", "--rate", "16000", "--no-dither", file, raw).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("opusdec: %v\n%s", err, out)
	}
	pcm, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	loud := func(fromMS, toMS int) (sum float64) {
		for i := fromMS * 16; i < toMS*16; i++ {
			v := float64(int16(uint16(pcm[2*i]) | uint16(pcm[2*i+1])<<8))
			sum += v * v
		}
		return sum / float64((toMS-fromMS)*16)
	}
	want := (130_000 + len(speech(t, 0))*20) * 16 * 2
	if d := len(pcm) - want; d < -1600 || d > 1600 {
		t.Errorf("%d bytes of PCM, want %d", len(pcm), want)
	}
	for _, at := range []int{3_000, 65_000, 130_000} {
		if silent, spoken := loud(at-2_000, at-100), loud(at+500, at+4_000); silent > 1 || spoken < 1e5 {
			t.Errorf("at %d ms: %.0f before it, %.0f in it", at, silent, spoken)
		}
	}
}

func TestKeepingAudioNeedsAnAdminAndAnOrganizer(t *testing.T) {
	s := newSite(t)
	owner, guest, admin := s.browser(), s.browser(), s.admin()
	room, _ := owner.makeRoom("Weekly")
	path := "/rooms/" + room
	state := func(b *browser) []any {
		f := b.must(http.MethodGet, path, nil, http.StatusOK).fields
		return []any{f.at("keep_audio"), f.at("may_keep_audio"), f.at("keeps_audio")}
	}
	if got := state(guest); !slices.Equal(got, []any{false, false, false}) {
		t.Errorf("a fresh room has %v", got)
	}
	if a := owner.do(http.MethodPut, path+"/audio", fields{"keep": true}); a.status != http.StatusConflict || a.problem() != "audio-forbidden" {
		t.Errorf("before an admin allowed it: %d %s", a.status, a.problem())
	}
	owner.must(http.MethodPatch, "/instance", fields{"keep_audio": true}, http.StatusForbidden)
	if a := admin.must(http.MethodPatch, "/instance", fields{"keep_audio": true}, http.StatusOK); a.fields.at("keep_audio") != true {
		t.Errorf("allowed: %s", a.body)
	}
	guest.must(http.MethodPut, path+"/audio", fields{"keep": true}, http.StatusForbidden)
	owner.must(http.MethodPut, path+"/audio", fields{"keep": true}, http.StatusOK)
	if got := state(guest); !slices.Equal(got, []any{true, true, false}) {
		t.Errorf("with the AI off: %v", got)
	}
	owner.must(http.MethodPut, path+"/ai", fields{"level": "captions"}, http.StatusOK)
	if got := state(guest); got[2] != false {
		t.Errorf("at level captions: %v", got)
	}
	owner.must(http.MethodPut, path+"/ai", fields{"level": "transcript"}, http.StatusOK)
	if got := state(guest); got[2] != true {
		t.Errorf("at level transcript: %v", got)
	}
	admin.must(http.MethodPatch, "/instance", fields{"keep_audio": false}, http.StatusOK)
	if got := state(guest); !slices.Equal(got, []any{true, false, false}) {
		t.Errorf("forbidden again: %v", got)
	}
	if a := owner.do(http.MethodPut, path+"/audio", fields{}); a.status != 422 {
		t.Errorf("nothing said answered %d", a.status)
	}
	last := s.live.actors[len(s.live.actors)-1]
	if last.Role != meeting.Admin || last.Name == "" {
		t.Errorf("the actor is %+v", last)
	}
}

func TestRememberedPlaysAreBounded(t *testing.T) {
	var l plays
	now := time.Now()
	for i := range 3 * maxPlays {
		l.remember(play{meeting: meeting.ID(strconv.Itoa(i))}, now)
	}
	if len(l.at) > maxPlays {
		t.Errorf("%d are remembered", len(l.at))
	}
}

// TestABrokenStreamIsNotTakenForAWholeOne: the answer ends early, and the log says why.
func TestABrokenStreamIsNotTakenForAWholeOne(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeTalk(room)
	key := "meetings/" + string(m.ID) + "/audio/" + annasTrack + "/000001.opus"
	body, _, err := s.store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)-1]++
	if err := s.store.Put(t.Context(), key, body); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+basePath+audioPath(m), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := owner.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reading it ended with %v", err)
	}
	if log := s.log.String(); !strings.Contains(log, "audio broke off") {
		t.Error("the log does not say so")
	}
}
