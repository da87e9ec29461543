package levels

import (
	"strings"
	"testing"
	"time"
)

// rehearse runs a conversation over three slots, in steps of 100 ms. Each line is "<who talks> <how often> => <holders>":
// those talking now, the steps, and the seats afterwards, the spare one last. "-" is nobody. Capitals talk louder.
func rehearse(t *testing.T, s *Seats[string], present, text string) {
	t.Helper()
	now := time.Unix(1000, 0)
	for n, line := range strings.Split(strings.TrimSpace(text), "\n") {
		command, want, _ := strings.Cut(line, "=>")
		talking, steps, _ := strings.Cut(strings.TrimSpace(command), " ")
		for range strings.Count(steps, ".") {
			var list []Microphone[string]
			for _, who := range strings.Split(present, "") {
				m := Microphone[string]{Key: who}
				if strings.Contains(talking, who) {
					m.Loudness = 90
				}
				if strings.Contains(talking, strings.ToUpper(who)) {
					m.Loudness = 110
				}
				list = append(list, m)
			}
			s.Update(now, list)
			now = now.Add(100 * time.Millisecond)
		}
		if got := strings.Join(s.holder, ""); got != strings.TrimSpace(want) {
			t.Fatalf("line %d: %s, got %s", n+1, strings.TrimSpace(line), got)
		}
	}
}

func TestSmallRoomHearsEverybody(t *testing.T) {
	s := NewSeats[string](3)
	rehearse(t, s, "abcd", `
		- .        => abcd
		d ..       => abcd
		d ....     => dbca
		- ........ => dbca`)
	for own, want := range map[string]string{"a": "dbc", "d": "bca", "x": "dbc"} {
		if got := strings.Join(s.Heard(own), ""); got != want {
			t.Errorf("%s hears %s, want %s", own, got, want)
		}
	}
}

func TestTalkersKeepTheirSeats(t *testing.T) {
	rehearse(t, NewSeats[string](3), "abcdef", `
		abc ................... => abcd
		abcE ..................  => abcd
		aE .................... => aecb
		- .                     => aecb
		f ...                   => aefc`)
}

func TestCoughIsNoTurn(t *testing.T) {
	rehearse(t, NewSeats[string](3), "abcde", `
		- .        => abcd
		e .        => abcd
		- ........ => abcd
		e .        => abcd
		e ..       => ebca`)
}

func TestShortPauseKeepsTheTurn(t *testing.T) {
	rehearse(t, NewSeats[string](3), "abcde", `
		- .   => abcd
		e .   => abcd
		- .   => abcd
		e ..  => ebca`)
}

func TestLouderClaimGoesFirst(t *testing.T) {
	rehearse(t, NewSeats[string](3), "abcde", `
		ab ..              => abcd
		abdE ....          => abed
		abdE ............. => abed`)
}

func TestLeaverFreesTheSeat(t *testing.T) {
	s := NewSeats[string](3)
	rehearse(t, s, "abcde", `- . => abcd`)
	rehearse(t, s, "acde", `- . => acde`)
	rehearse(t, s, "e", `- . => e`)
	if got := strings.Join(s.Heard("e"), ""); got != "" {
		t.Errorf("the last one hears %q", got)
	}
}

func TestMeterKnowsSpeechFromSilence(t *testing.T) {
	var m Meter
	now := time.Unix(1000, 0)
	note := func(level uint8, packets int) {
		for range packets {
			now = now.Add(20 * time.Millisecond)
			m.Note(level, now)
		}
	}
	if m.Loudness(now) != 0 {
		t.Error("a microphone that sent nothing is loud")
	}
	note(25, 8)
	if m.Loudness(now) < 80 {
		t.Errorf("speech has loudness %d", m.Loudness(now))
	}
	if m.Loudness(now.Add(150*time.Millisecond)) != 0 {
		t.Error("a microphone that stopped sending (DTX) is still loud")
	}
	note(127, 10)
	if m.Loudness(now) != 0 {
		t.Error("a silent microphone is loud")
	}
	note(10, 1)
	if m.Loudness(now) != 0 {
		t.Error("one loud packet counts as speech")
	}
	note(200, 20) // levels above 127 are not of this world
	if m.Loudness(now) != 0 {
		t.Error("an impossible level is loud")
	}
}

func TestALevelThatNeverVariesIsNoVoice(t *testing.T) {
	var m Meter
	now := time.Unix(1000, 0)
	note := func(packets int, level func(i int) uint8) {
		for i := range packets {
			now = now.Add(20 * time.Millisecond)
			m.Note(level(i), now)
		}
	}
	note(100, func(int) uint8 { return 0 })
	if m.Loudness(now) == 0 {
		t.Error("judged within two seconds")
	}
	note(150, func(int) uint8 { return 0 })
	if m.Loudness(now) > 0 {
		t.Error("five seconds of the loudest level there is count as a voice")
	}
	note(100, func(i int) uint8 { return 30 + uint8(i%3) })
	note(150, func(i int) uint8 { return 30 + uint8(i%3) })
	if m.Loudness(now) > 0 {
		t.Error("a hum counts as a voice")
	}
	note(10, func(i int) uint8 { return 20 + uint8(i*7%23) })
	if m.Loudness(now) == 0 {
		t.Error("somebody who begins to talk beside a hum is not heard")
	}
	note(1000, func(i int) uint8 { return 20 + uint8(i*7%23) })
	if m.Loudness(now) == 0 {
		t.Error("a long speech is no voice")
	}
	for _, pause := range []time.Duration{time.Second, time.Minute} { // DTX
		now = now.Add(pause)
		note(10, func(int) uint8 { return 20 })
		if m.Loudness(now) == 0 {
			t.Errorf("a word after %v is no voice", pause)
		}
	}
	for range 20 { // a network that stutters makes no voice of a hum
		note(10, func(int) uint8 { return 0 })
		now = now.Add(150 * time.Millisecond)
	}
	note(10, func(int) uint8 { return 0 })
	if m.Loudness(now) > 0 {
		t.Error("a level that never varies counts as a voice when packets come in bursts")
	}
}

func TestNobodyHoldsASeatWithoutABreath(t *testing.T) {
	s := NewSeats[string](3)
	talk := func(who string, seconds int) string { return who + " " + strings.Repeat(".", 10*seconds) }
	// x, y and z claim to be loud for ever; a and b are people.
	rehearse(t, s, "xyzab", talk("XYZ", 50)+" => xyza\n"+talk("XYZa", 5)+" => xyza")
	rehearse(t, NewSeats[string](3), "xyzab", talk("XYZ", 70)+" => xyza\n"+talk("XYZa", 1)+" => ayzx\n"+
		talk("XYZab", 1)+" => abzy\n"+talk("XYZab", 30)+" => abzy")
	// Without others who want it the seat is kept.
	rehearse(t, NewSeats[string](3), "xyzab", talk("XYZ", 600)+" => xyza")
}
