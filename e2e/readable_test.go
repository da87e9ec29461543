package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/ogg"
)

// TestNothingReadableIsOnDisk holds a meeting and then reads every file of the embedded Kafka and S3, byte by byte: no word that
// was said, no name, no title, no term of the glossary, no Opus frame. What the test plants there in clear it must find.
func TestNothingReadableIsOnDisk(t *testing.T) {
	in := install(t)
	if in.env != nil {
		t.Skip("the files of real servers are elsewhere")
	}
	link := in.run("rooms", "create", "Zuckerrohrplantage", "--ai", "transcript", "--lang", "en")
	in.run("rooms", "set", path.Base(link), "--glossary", "Quetzalcoatl,Popocatépetl")
	ada, grace := join(t, link, "Ada Nachtigall"), join(t, link, "Grace Kolibri")
	secrets := needles{
		"the room's title": textNeedle("Zuckerrohrplantage"), "a term": textNeedle("Quetzalcoatl"), "a term with an accent": textNeedle("Popocatépetl"),
		"a first name and name": textNeedle("Ada Nachtigall"), "a name": textNeedle("Kolibri"),
	}
	frames := framesOf(t, "jfk-1", "jfk-2")
	id := ada.Welcome().Meeting
	heard := in.hearFrames(id, frames)
	ada.say("jfk-1")
	grace.say("jfk-2")
	in.await(patience, "finals of both speakers", func() bool {
		return wrongWords(reference(t, "jfk-1"), grace.heard("Ada Nachtigall")) <= maxWrong &&
			wrongWords(reference(t, "jfk-2"), grace.heard("Grace Kolibri")) <= maxWrong
	})
	in.await(patience, "the frames of the recordings are on Kafka, sealed", func() bool { return heard.Load() > 50 })
	planted := in.plant(id)
	in.settled(grace)
	endMeeting(t, in, link)
	kept := in.finalTranscript(id)
	for _, s := range kept.Segments {
		secrets["what was said: "+s.Text] = textNeedle(s.Text)
		for _, w := range words(s.Text) {
			if len(w) >= 6 { // shorter ones may stand in any binary file by chance
				secrets["a word: "+w] = textNeedle(w)
			}
		}
	}
	if len(secrets) < 12 {
		t.Fatalf("only %d secrets to look for", len(secrets))
	}
	maps.Copy(secrets, frames)
	maps.Copy(secrets, planted)

	in.stop()
	found := secrets.findBelow(t, in.dir)
	for name := range planted {
		if !found[name] {
			t.Errorf("%s is on disk, and the test does not find it: it would not find a leak either", name)
		}
		delete(found, name)
	}
	if len(found) > 0 {
		t.Errorf("readable on disk: %q", slices.Sorted(maps.Keys(found)))
	}
	for _, name := range []string{"Nachtigall", "Kolibri", "Zuckerrohrplantage", "Quetzalcoatl", "americans"} {
		if strings.Contains(strings.ToLower(in.log.String()), strings.ToLower(name)) {
			t.Errorf("the log says %q", name)
		}
	}
}

// needle is something to look for, in every form that programs write: as it is (text in any case), in base64 and in hexadecimal.
type needle struct {
	exact [][]byte
	text  []byte // lower case; nil for bytes
}

type needles map[string]needle

func textNeedle(s string) needle {
	n := bytesNeedle([]byte(s))
	n.text = bytes.ToLower([]byte(s))
	var wide []byte // UTF-16, as some files hold text
	for _, r := range s {
		wide = append(wide, byte(r), byte(r>>8))
	}
	n.exact = append(n.exact, wide)
	return n
}

func bytesNeedle(b []byte) needle {
	n := needle{exact: [][]byte{b, []byte(hex.EncodeToString(b))}}
	for shift := range 3 { // where in a group of three bytes it begins
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), b...))
		encoded = strings.TrimRight(encoded, "=")
		cut := encoded[(shift*8+5)/6 : len(encoded)-1] // without what neighbours change
		n.exact = append(n.exact, []byte(cut), []byte(strings.NewReplacer("+", "-", "/", "_").Replace(cut)))
	}
	return n
}

func (n needle) in(file, lower []byte) bool {
	if n.text != nil && bytes.Contains(lower, n.text) {
		return true
	}
	return slices.ContainsFunc(n.exact, func(b []byte) bool { return bytes.Contains(file, b) })
}

// findBelow says which of the needles are in some file, or in the name of one.
func (n needles) findBelow(t *testing.T, dir string) map[string]bool {
	t.Helper()
	found, files, size := map[string]bool{}, 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files, size = files+1, size+len(b)
		b = append(b, path...)
		lower := bytes.ToLower(b)
		for name, needle := range n {
			if needle.in(b, lower) {
				found[name] = true
				t.Logf("%s: %s", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("looked for %d things in %d files of %d bytes", len(n), files, size)
	if files < 20 {
		t.Errorf("only %d files", files)
	}
	return found
}

// framesOf are the Opus packets of recordings, as far as they are long enough to be nobody else's.
func framesOf(t *testing.T, names ...string) needles {
	t.Helper()
	frames := needles{}
	for _, name := range names {
		b, err := os.ReadFile("../testdata/speech/" + name + ".ogg")
		if err != nil {
			t.Fatal(err)
		}
		r, err := ogg.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for {
			p, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Opus) >= 40 {
				frames["an Opus frame of "+name+" "+hex.EncodeToString(p.Opus[:4])] = bytesNeedle(slices.Clone(p.Opus))
			}
		}
	}
	if len(frames) < 50 {
		t.Fatalf("%d frames", len(frames))
	}
	return frames
}

// hearFrames opens what is recorded with the meeting's live key and counts the packets that are among frames: those are what would be
// on disk if it were not sealed.
func (in *installation) hearFrames(id meeting.ID, frames needles) *atomic.Int64 {
	in.t.Helper()
	_, keys := in.store()
	key, err := keys.Live(in.t.Context(), id)
	if err != nil {
		in.t.Fatal(err)
	}
	sent := map[string]bool{}
	for _, f := range frames {
		sent[string(f.exact[0])] = true
	}
	heard := &atomic.Int64{}
	ctx, cancel := context.WithCancel(in.t.Context())
	done := make(chan struct{})
	b := in.bus()
	go func() {
		defer close(done)
		_ = b.Follow(ctx, bus.Audio, bus.FollowOptions{}, func(m bus.Message) {
			r, err := bus.OpenAudio(key, m)
			if err != nil {
				return
			}
			for _, p := range r.Packets {
				if sent[string(p.Opus)] {
					heard.Add(1)
				}
			}
		})
	}()
	in.t.Cleanup(func() { cancel(); <-done })
	return heard
}

// plant writes things in clear to Kafka and to S3, as a mistake would.
func (in *installation) plant(id meeting.ID) needles {
	in.t.Helper()
	ctx := in.t.Context()
	frame := bytes.Repeat([]byte{0xfc, 0x3b, 0x91, 0x07, 0xe2}, 12)
	b := in.bus()
	for _, m := range []bus.Message{
		{Topic: bus.Captions, Key: "seg", Value: []byte(`{"text":"Pfefferminztee"}`)},
		{Topic: bus.Segments, Key: "planted", Value: []byte("Der Sonnenuntergang in Weimar.")},
		{Topic: bus.Audio, Key: bus.AudioKey(id, "tplanted"), Value: frame},
	} {
		m.Meeting, m.Partition = id, b.PartitionOf(m.Topic, id)
		if err := b.Publish(ctx, m); err != nil {
			in.t.Fatal(err)
		}
	}
	store, _ := in.store()
	for object, body := range map[string]string{
		"planted/name.json": `{"name":"Theodora Pflanze"}`,
		"planted/64.json":   `{"leak":"` + base64.StdEncoding.EncodeToString([]byte("x Passionsblume")) + `"}`,
		"planted/blob":      strings.Repeat("·", 50_000) + "Hyazinthe" + strings.Repeat("·", 50_000), // too large to stand in the index
	} {
		if err := store.Put(ctx, object, []byte(body)); err != nil {
			in.t.Fatal(err)
		}
	}
	return needles{
		"a planted caption": textNeedle("pfefferminztee"), "a planted sentence": textNeedle("Der Sonnenuntergang in Weimar."),
		"a planted frame": bytesNeedle(frame), "a planted name": textNeedle("Theodora Pflanze"), "a planted word in base64": textNeedle("Passionsblume"),
		"a planted word in a large object": textNeedle("Hyazinthe"),
	}
}
