package signal

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// golden returns the golden messages of one side by their type. The browser client's tests read the same files.
func golden(t testing.TB, side string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/" + side + "_*.json")
	if err != nil {
		t.Fatal(err)
	}
	messages := map[string][]byte{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), side+"_"), ".json")
		messages[name] = b
	}
	return messages
}

func TestGoldenClientMessages(t *testing.T) {
	messages := golden(t, "client")
	for _, kind := range []string{Hello, Offer, Answer, Candidate, TrackSet, Restart, OptOut, Leave, Ping, View, Hand, Chat, Moderate, Type, History, React, NameVoice} {
		b, ok := messages[kind]
		if !ok {
			t.Errorf("no golden message of type %s", kind)
			continue
		}
		m, err := ParseClient(b)
		if err != nil || m.Type != kind {
			t.Errorf("%s is read as %q, %v", kind, m.Type, err)
			continue
		}
		sameJSON(t, kind, b, m)
	}
	for kind := range messages {
		if m, err := ParseClient(messages[kind]); err != nil || m.Type != kind {
			t.Errorf("golden message %s is read as %q, %v", kind, m.Type, err)
		}
	}
}

func TestGoldenServerMessages(t *testing.T) {
	messages := golden(t, "server")
	for _, kind := range []string{
		Offer, Answer, Candidate, Welcome, Joined, Left, Changed, Slot, AI, Caption, Gone, Fault, Pong,
		Layers, Load, Room, Waiting, Moderated, Chat, History, Reaction, Voices,
	} {
		b, ok := messages[kind]
		if !ok {
			t.Errorf("no golden message of type %s", kind)
			continue
		}
		var m ServerMessage
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil || m.Type != kind {
			t.Errorf("%s is read as %q, %v", kind, m.Type, err)
			continue
		}
		sameJSON(t, kind, b, m)
	}
}

// sameJSON fails unless m is written as what it was read from: no field is lost or renamed on the way.
func sameJSON(t *testing.T, kind string, read []byte, m any) {
	t.Helper()
	written, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := errors.Join(json.Unmarshal(read, &a), json.Unmarshal(written, &b)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s is written as %s", kind, written)
	}
}

func TestParseClientRefuses(t *testing.T) {
	tracks := strings.Repeat(`{"mid":"0","source":"mic"},`, 17)
	tiles := strings.Repeat(`{"participant":"p","source":"camera","height":180},`, MaxTiles+1)
	for name, message := range map[string]string{
		"nothing":                       ``,
		"no JSON":                       `{`,
		"no object":                     `[]`,
		"two objects":                   `{"type":"ping"}{"type":"ping"}`,
		"no type":                       `{}`,
		"an unknown type":               `{"type":"party"}`,
		"a server's message":            `{"type":"welcome"}`,
		"a hello without token":         `{"type":"hello"}`,
		"an offer without sdp":          `{"type":"offer","tracks":[]}`,
		"an offer of an unknown source": `{"type":"offer","sdp":"v=0","tracks":[{"mid":"0","source":"radar"}]}`,
		"an offer of 17 tracks":         `{"type":"offer","sdp":"v=0","tracks":[` + strings.TrimSuffix(tracks, ",") + `]}`,
		"an answer without sdp":         `{"type":"answer"}`,
		"a candidate of no connection":  `{"type":"candidate","candidate":{"candidate":""}}`,
		"a candidate without candidate": `{"type":"candidate","pc":"up"}`,
		"a line index out of range":     `{"type":"candidate","pc":"up","candidate":{"candidate":"","sdpMLineIndex":70000}}`,
		"a track without source":        `{"type":"track","active":true}`,
		"a view of 33 tiles":            `{"type":"view","tiles":[` + strings.TrimSuffix(tiles, ",") + `]}`,
		"a view of nobody":              `{"type":"view","tiles":[{"source":"camera","height":180}]}`,
		"a view of a microphone":        `{"type":"view","tiles":[{"participant":"p","source":"mic","height":180}]}`,
		"a tile without height":         `{"type":"view","tiles":[{"participant":"p","source":"camera"}]}`,
		"a tile as high as a house":     `{"type":"view","tiles":[{"participant":"p","source":"camera","height":20000}]}`,
		"a media name too long":         `{"type":"hello","token":"t","keep":true,"media":"` + strings.Repeat("m", 65) + `"}`,
		"a token that is no string":     `{"type":"hello","token":{}}`,
		"a chat without text":           `{"type":"chat"}`,
		"a chat of white space":         `{"type":"chat","text":" \n\t\u00a0"}`,
		"a chat that is too long":       `{"type":"chat","text":"` + strings.Repeat("é", MaxChat+1) + `"}`,
		"an unknown action":             `{"type":"moderate","action":"unmute","participant":"p1"}`,
		"no action":                     `{"type":"moderate","participant":"p1"}`,
		"a mute of nobody":              `{"type":"moderate","action":"mute"}`,
		"a mute of a screen":            `{"type":"moderate","action":"mute","participant":"p1","source":"screen"}`,
		"a removal of nobody":           `{"type":"moderate","action":"remove"}`,
		"a participant without end":     `{"type":"moderate","action":"admit","participant":"` + strings.Repeat("p", 129) + `"}`,
		"a line that is too long":       `{"type":"type","text":"` + strings.Repeat("é", MaxTyped+1) + `"}`,
		"a line in no language":         `{"type":"type","text":"a","lang":"fr-FR"}`,
		"a line in a long language":     `{"type":"type","text":"a","lang":"abcd"}`,
		"a history without end":         `{"type":"history","before":"` + strings.Repeat("s", 129) + `"}`,
		"a captioner who is nobody":     `{"type":"moderate","action":"captioner"}`,
		"a reaction of nothing":         `{"type":"react"}`,
		"a reaction that there is not":  `{"type":"react","emoji":"💩"}`,
		"a reaction with more in it":    `{"type":"react","emoji":"👍👍"}`,
		"deep nesting":                  strings.Repeat(`{"candidate":`, 20_000),
		"a byte too many":               `{"type":"ping"}` + strings.Repeat(" ", MaxMessage),
	} {
		if m, err := ParseClient([]byte(message)); !errors.Is(err, ErrBadMessage) {
			t.Errorf("%s is read as %+v, %v", name, m, err)
		}
	}
}

func TestParseClientIgnoresFieldsOfANewerClient(t *testing.T) {
	if m, err := ParseClient([]byte(`{"type":"ping","mood":"fine"}`)); err != nil || m.Type != Ping {
		t.Errorf("got %+v, %v", m, err)
	}
}

// FuzzParseClient feeds foreign bytes: whatever is accepted must keep its promises and be read the same again.
func FuzzParseClient(f *testing.F) {
	for _, b := range golden(f, "client") {
		f.Add(b)
	}
	f.Add([]byte(`{"type":"candidate","pc":"up","candidate":{"candidate":""}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseClient(b)
		if err != nil {
			if !errors.Is(err, ErrBadMessage) {
				t.Fatalf("another error than ErrBadMessage: %v", err)
			}
			return
		}
		if m.Type == Hello && m.Token == "" || m.Type == Candidate && m.Candidate == nil || m.Type == Offer && len(m.Tracks) > 16 || len(m.Tiles) > MaxTiles && m.Type == View ||
			m.Type == Chat && (utf8.RuneCountInString(m.Text) > MaxChat || strings.TrimSpace(m.Text) == "") ||
			m.Type == Type && (utf8.RuneCountInString(m.Text) > MaxTyped || len(m.Lang) > 3) || m.Type == History && len(m.Before) > 128 ||
			m.Type == Moderate && (m.Action == "" || len(m.Participant) > 128) {
			t.Fatalf("accepted %+v", m)
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > MaxMessage {
			return // escapes made it longer
		}
		if len(m.Tracks) == 0 {
			m.Tracks = nil // an empty list is not written
		}
		if len(m.Tiles) == 0 {
			m.Tiles = nil
		}
		if n, err := ParseClient(again); err != nil || !reflect.DeepEqual(m, n) {
			t.Fatalf("%+v became %+v, %v", m, n, err)
		}
	})
}
