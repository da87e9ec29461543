package asr

import (
	"testing"
	"time"
)

func heardIn(lang string, logProb float64) Result {
	return Result{Lang: lang, LogProb: logProb, Words: []RecognizedWord{{Text: "word"}}}
}

func TestOneLanguageIsNeverDetected(t *testing.T) {
	var l language
	l.allow([]string{"fr"})
	l.learn(heardIn("en", -0.1), time.Minute)
	if l.known() != "fr" {
		t.Errorf("known %q", l.known())
	}
}

func TestLanguageIsLockedOnEvidence(t *testing.T) {
	var l language
	l.allow([]string{"fr", "en"})
	l.learn(heardIn("en", -0.2), 2*time.Second)
	if l.known() != "" {
		t.Error("locked after two seconds")
	}
	l.learn(heardIn("en", -0.2), 5*time.Second)
	if l.known() != "en" {
		t.Errorf("after seven seconds of English: %q", l.known())
	}
	l.learn(heardIn("fr", -0.2), time.Minute)
	if l.known() != "en" {
		t.Error("one good final in another language unlocks")
	}
	l.learn(heardIn("en", -1.5), 3*time.Second)
	l.learn(heardIn("en", -0.3), 3*time.Second)
	l.learn(heardIn("en", -1.5), 3*time.Second)
	if l.known() != "en" {
		t.Error("two bad finals apart unlock")
	}
	l.learn(heardIn("en", -1.5), 3*time.Second)
	if l.known() != "" {
		t.Error("two bad finals in a row keep the lock")
	}
}

func TestMixedEvidenceTakesTheLeaderAfterThreeUtterances(t *testing.T) {
	var l language
	l.allow([]string{"fr", "en"})
	l.learn(heardIn("en", -0.9), 2*time.Second)
	l.learn(heardIn("fr", -0.2), 3*time.Second)
	if l.known() != "" {
		t.Error("locked on mixed evidence")
	}
	l.learn(heardIn("fr", -0.2), 3*time.Second)
	if l.known() != "fr" {
		t.Errorf("known %q", l.known())
	}
}

func TestOtherLanguagesOfTheRoomForgetTheLock(t *testing.T) {
	var l language
	l.learn(heardIn("en", -0.2), time.Minute)
	if l.known() != "en" {
		t.Errorf("known %q in a room of any language", l.known())
	}
	l.allow([]string{"fr", "de"})
	if l.known() != "" {
		t.Error("the lock outlives the room's languages")
	}
}
