package eval

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestRougeIsThatOfTheReference: testdata/rouge.json says by what the figures were made.
func TestRougeIsThatOfTheReference(t *testing.T) {
	b, err := os.ReadFile("testdata/rouge.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Text, Reference string
			R1, R2, RL      [3]float64 // precision, recall, F1
		}
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range golden.Cases {
		got := RougeOf(c.Text, c.Reference)
		for _, m := range []struct {
			name string
			got  Overlap
			want [3]float64
		}{{"ROUGE-1", got.R1, c.R1}, {"ROUGE-2", got.R2, c.R2}, {"ROUGE-L", got.RL, c.RL}} {
			for i, v := range []float64{m.got.Precision, m.got.Recall, m.got.F1} {
				if math.Abs(v-m.want[i]) > 1e-6 {
					t.Errorf("%s of %q: %+v, want %v", m.name, c.Text, m.got, m.want)
					break
				}
			}
		}
	}
}

func FuzzRouge(f *testing.F) {
	f.Add("a b c", "c b a")
	f.Fuzz(func(t *testing.T, text, reference string) {
		if len(text)+len(reference) > 4000 {
			return
		}
		r := RougeOf(text, reference)
		for _, o := range []Overlap{r.R1, r.R2, r.RL} {
			for _, v := range []float64{o.Precision, o.Recall, o.F1} {
				if math.IsNaN(v) || v < 0 || v > 1 {
					t.Errorf("%+v", r)
				}
			}
		}
	})
}
