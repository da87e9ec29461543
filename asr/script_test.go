package asr

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/asr/asrtest"
	"souffleur/internal/timeline"
)

// seeds is how many random scripts each test with random speech plays; 0: as many as suit an ordinary run.
var seeds = flag.Uint64("seeds", 0, "random scripts per test")

// eachSeed runs test for so many random scripts, or for one with -short, side by side: they take CPU time only.
func eachSeed(t *testing.T, usual uint64, test func(t *testing.T, seed uint64)) {
	n := usual
	if *seeds > 0 {
		n = *seeds
	} else if testing.Short() {
		n = 1
	}
	for seed := range n {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			test(t, seed)
		})
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recording returns the Opus packets of a recording of testdata/speech, 20 ms each.
func recording(t testing.TB, name string) [][]byte {
	t.Helper()
	packets, err := asrtest.Recording(name)
	if err != nil {
		t.Fatal(err)
	}
	return packets
}

// wordLength is how long each word of an echo is.
const wordLength = 250 * time.Millisecond

// echo is a recogniser whose words are a function of the audio: each quarter of a second of sound is a word named by its
// loudness. So the same utterance gets the same text, and a longer one begins with the text of a shorter.
type echo struct {
	mu     sync.Mutex
	calls  int
	fail   func(call int, req Request) (Result, error, bool) // may answer instead
	cost   time.Duration
	closed bool
}

func (e *echo) Recognize(ctx context.Context, req Request) (Result, error) {
	e.mu.Lock()
	e.calls++
	call := e.calls
	e.mu.Unlock()
	if e.cost > 0 && !sleep(ctx, e.cost) {
		return Result{}, ctx.Err()
	}
	if e.fail != nil {
		if r, err, answered := e.fail(call, req); answered {
			return r, err
		}
	}
	return echoed(req), ctx.Err()
}

func (e *echo) Name() string { return "echo" }
func (e *echo) Close() error { e.closed = true; return nil }

func echoed(req Request) Result {
	r := Result{Lang: req.Lang, LogProb: -0.2}
	if r.Lang == "" {
		r.Lang = "en"
	}
	n := int(samples(wordLength))
	for i := 0; (i+1)*n <= len(req.PCM); i++ {
		level := math.Sqrt(energy(req.PCM[i*n:(i+1)*n]) / float64(n))
		if level < 0.01 {
			continue
		}
		at := time.Duration(i) * wordLength
		r.Words = append(r.Words, RecognizedWord{
			Text: word(i, int(level*1e4)), Start: at, End: at + wordLength, P: 0.8,
		})
	}
	return r
}

// word is a word that does not look like its neighbours, so that the filter takes none of them for a loop.
func word(i, level int) string {
	h := fnv.New32a()
	fmt.Fprint(h, i, level)
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}

// act is one thing that happens on a scripted track.
type act struct {
	what string // "speech", "hush" (packets of silence), "dtx" (tiny packets), "loss", "pause" (no packets), "alive" (keep-alive after the pause), "garbage"
	n    int    // packets of 20 ms
}

// randomScript is about a minute of somebody's microphone.
func randomScript(r *rand.Rand) []act {
	var script []act
	for total := 0; total < 1500; {
		a := act{what: []string{"speech", "speech", "speech", "hush", "hush", "dtx", "loss", "pause", "garbage"}[r.IntN(9)]}
		switch a.what {
		case "speech":
			a.n = []int{4, 30, 100, 800}[r.IntN(4)] + r.IntN(40)
		case "hush", "dtx":
			a.n = []int{5, 40, 600}[r.IntN(3)] + r.IntN(20)
		case "pause":
			a.n = 20 + r.IntN(150)
		default:
			a.n = 1 + r.IntN(12)
		}
		total += a.n
		script = append(script, a)
	}
	return script
}

// played is a packet of a script, or a keep-alive (without Opus).
type played struct {
	timeline.Packet
	alive bool
}

// play turns a script into packets. Sequence numbers and times go on through loss; pauses take time only.
func play(t testing.TB, script []act, r *rand.Rand) []played {
	t.Helper()
	voice := recording(t, "jfk.ogg")[15:105] // words without a pause
	quiet := recording(t, "jfk-2.ogg")[:24]
	var out []played
	seq, rtp := uint64(1000), uint64(0)
	for _, a := range script {
		for i := range a.n {
			p := played{Packet: timeline.Packet{Seq: seq, RTP: rtp}}
			rtp += 960
			if a.what == "pause" {
				if i%50 == 49 {
					out = append(out, played{Packet: timeline.Packet{Seq: seq, RTP: rtp}, alive: true})
				}
				continue
			}
			seq++
			switch a.what {
			case "speech":
				p.Opus = voice[i%len(voice)]
			case "hush":
				p.Opus = quiet[i%len(quiet)]
			case "dtx":
				p.Opus = []byte{0x78}
			case "garbage":
				p.Opus = make([]byte, 2+r.IntN(60))
				for j := range p.Opus {
					p.Opus[j] = byte(r.Uint32())
				}
			case "loss":
				continue
			}
			out = append(out, p)
		}
	}
	return out
}
