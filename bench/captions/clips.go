//go:build whisper

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"souffleur/asr"
	"souffleur/asr/eval"
	"souffleur/internal/ogg"
	"souffleur/internal/vad"
)

// clip is a recording with its words and the times of its speech.
type clip struct {
	path, lang, words string
	length            time.Duration
	utterances        []eval.Span // from the beginning of the recording
}

// lineup is what a speaker says in a language: the clips in an order of the speaker's own, over and over, for length; the
// first of them at least.
func lineup(clips []clip, seed uint64, speaker int, length time.Duration) []clip {
	r := rand.New(rand.NewPCG(seed, uint64(speaker)))
	var out []clip
	for said := time.Duration(0); said < length; {
		for _, i := range r.Perm(len(clips)) {
			c := clips[i]
			if said >= length || len(out) > 0 && said+c.length > length+slack {
				return out
			}
			out = append(out, c)
			said += c.length + between
		}
	}
	return out
}

const (
	between = 2 * time.Second // silence behind each clip, as client.Speak sends it
	slack   = 5 * time.Second // by which a clip may exceed the length
)

func defaultClips() string {
	dir := os.Getenv("SOUFFLEUR_SPEECH")
	if dir == "" {
		dir = "../shared/audio"
	}
	dir = filepath.Join(dir, "fleurs")
	if _, err := os.Stat(dir); err != nil {
		return "testdata/speech"
	}
	return dir
}

// loadClips returns the clips of the wanted languages. Names without a language are English.
func loadClips(o options) ([]clip, error) {
	model, err := vad.Load(filepath.Join(o.models, "silero-vad.bin"))
	if err != nil {
		return nil, fmt.Errorf("load voice detection: %w; run: souffleur models pull", err)
	}
	paths, err := filepath.Glob(filepath.Join(o.clips, "*.ogg"))
	if err != nil {
		return nil, err
	}
	var clips []clip
	for _, path := range paths {
		lang := "en"
		if parts := strings.Split(filepath.Base(path), "-"); len(parts) == 3 {
			lang = parts[1]
		}
		if !slices.Contains(o.langs, lang) {
			continue
		}
		c, err := loadClip(path, lang, model)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		clips = append(clips, c)
	}
	if len(clips) == 0 {
		return nil, fmt.Errorf("no recordings of %v in %s", o.langs, o.clips)
	}
	return clips, nil
}

func loadClip(path, lang string, model *vad.Model) (clip, error) {
	audio, err := os.ReadFile(path)
	if err != nil {
		return clip{}, err
	}
	words, err := os.ReadFile(strings.TrimSuffix(path, ".ogg") + ".txt")
	if err != nil {
		return clip{}, err
	}
	pcm, err := ogg.Decode(bytes.NewReader(audio), 10*time.Minute)
	if err != nil {
		return clip{}, err
	}
	c := clip{path: path, lang: lang, words: string(words), length: duration(len(pcm))}
	c.utterances, err = speechIn(pcm, model)
	return c, err
}

func duration(samples int) time.Duration {
	return time.Duration(samples) * time.Second / asr.SampleRate
}

const (
	voice = 0.5                    // probability at which an utterance begins
	exit  = 0.35                   // probability from which a window goes on with it
	pause = 500 * time.Millisecond // ends an utterance
	brief = 250 * time.Millisecond // less is no utterance
)

// speechIn finds the utterances of a recording, by the probabilities that live captions begin and end them at: where the two
// disagreed whether a pause ends an utterance, an end of speech would be timed that no caption can know of.
func speechIn(pcm []float32, model *vad.Model) ([]eval.Span, error) {
	d, err := model.NewDetector()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var found []eval.Span
	for at := 0; at+asr.HopSize <= len(pcm); at += asr.HopSize {
		p, err := d.Probability(pcm[at : at+asr.HopSize])
		if err != nil {
			return nil, fmt.Errorf("detect voice: %w", err)
		}
		from, to := duration(at), duration(at+asr.HopSize)
		switch n := len(found); {
		case n > 0 && from-found[n-1].To < pause && p >= exit:
			found[n-1].To = to
		case p >= voice:
			found = append(found, eval.Span{From: from, To: to})
		}
	}
	return slices.DeleteFunc(found, func(s eval.Span) bool { return s.To-s.From < brief }), nil
}
