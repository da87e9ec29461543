package sfu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"souffleur/internal/signal"
)

const browserOffer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 109 9\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtpmap:109 opus/48000/2\r\n" +
	"a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\na=rtcp-fb:109 transport-cc\r\na=rtpmap:9 G722/8000\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 120\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=rtpmap:120 VP8/90000\r\n"

func TestAudioRepairIsAskedOfBrowsers(t *testing.T) {
	d, err := readOffer(browserOffer)
	if err != nil {
		t.Fatal(err)
	}
	askAudioRepair(d)
	askAudioRepair(d) // once is enough
	text, err := d.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "a=rtcp-fb:109 nack\r\n"); n != 1 {
		t.Errorf("the offer has %d lines of nack for Opus:\n%s", n, text)
	}
	if strings.Contains(string(text), "a=rtcp-fb:9 nack") || strings.Contains(string(text), "a=rtcp-fb:120 nack") {
		t.Error("nack was added to something else than Opus")
	}
	if !hasMID(d, "1") || hasMID(d, "2") {
		t.Error("the sections of the offer are not found")
	}
}

func TestAnswerAsksForDTXAndMono(t *testing.T) {
	answer, err := finishAnswer(browserOffer)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(answer, "a=fmtp:109 "); n != 1 || !strings.Contains(answer, "a=fmtp:109 "+opusFormat+"\r\n") {
		t.Errorf("the answer:\n%s", answer)
	}
}

func TestAnswerMustHaveAllSections(t *testing.T) {
	if err := checkAnswer(browserOffer, 2); err != nil {
		t.Error(err)
	}
	if checkAnswer(browserOffer, 3) == nil || checkAnswer("nonsense", 2) == nil {
		t.Error("an answer of the wrong shape was taken")
	}
}

// FuzzOffer reads any offer: it must be refused or come out readable, never panic.
func FuzzOffer(f *testing.F) {
	f.Add(browserOffer)
	f.Add("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP 1\r\na=mid:\r\n")
	files, err := filepath.Glob("testdata/sdp/*.sdp")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.ReplaceAll(string(b), "\n", "\r\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := readOffer(text)
		if err != nil {
			return
		}
		rids, err := readSimulcast(d, map[string]string{"0": signal.Mic, "1": signal.Camera, "2": signal.Screen})
		for mid, list := range rids {
			if err != nil || mid == "0" || mid == "2" || len(list) > len(simulcastRings) || len(list) == 0 {
				t.Fatalf("layers %v of section %s were taken, %v", list, mid, err)
			}
		}
		nameSimulcast(d)
		askAudioRepair(d)
		munged, err := d.Marshal()
		if err != nil {
			return
		}
		if again, err := readOffer(string(munged)); err == nil {
			askAudioRepair(again)
		}
		_, _ = finishAnswer(string(munged))
	})
}
