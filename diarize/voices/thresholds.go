package voices

import "errors"

// Thresholds are what the cosines of an embedder's vectors are compared with. Those of one embedder mean nothing for another, and
// they move with the mean that is taken off its vectors. bench/diarize has the sets that they are tuned and reported on.
type Thresholds struct {
	Change    float32 `json:"change"`    // 1 less the cosine across a point at which the voice changes
	Cut       float32 `json:"cut"`       // distance, 1 less the cosine, at which grouping by average linkage stops, in next to no speech
	CutLong   float32 `json:"cutLong"`   // and in two minutes of it
	Join      float32 `json:"join"`      // cosine of the means of two groups from which they are one voice, if one has next to no speech
	JoinLong  float32 `json:"joinLong"`  // and if both have 20 s
	Gate      float32 `json:"gate"`      // and below which they are two for certain, on a track that nobody called a room
	Sharp     float64 `json:"sharp"`     // what a difference of 1 between cosines weighs against a change of voice, which costs 2
	Within    float64 `json:"within"`    // mean square of the distance of vectors to the mean of their speaker, 0 to 1
	Between   float64 `json:"between"`   // and of that mean
	Fa        float64 `json:"fa"`        // of VBx (package vbx): how much windows count
	Fb        float64 `json:"fb"`        // and what a speaker costs
	BornBelow float32 `json:"bornBelow"` // live: cosine to all voices below which speech may be a new one's
	BornAlike float32 `json:"bornAlike"` // and between its own windows from which it is one voice
	Update    float32 `json:"update"`    // live: cosine from which speech moves the mean of its voice
}

// Validate says what is wrong with thresholds that somebody wrote down.
func (t *Thresholds) Validate() error {
	for _, cosine := range []float32{t.Join, t.JoinLong, t.Gate, t.BornBelow, t.BornAlike, t.Update} {
		if !(cosine > -1 && cosine < 1) {
			return errors.New("cosines lie between -1 and 1")
		}
	}
	switch {
	case !(t.Change > 0 && t.Change < 2 && t.Cut > 0 && t.Cut < 2 && t.CutLong > 0 && t.CutLong < 2):
		return errors.New("distances lie between 0 and 2")
	case t.Gate > max(t.Join, t.JoinLong):
		return errors.New("the gate is a lower cosine than that of two groups that are one")
	case !(t.Within > 0 && t.Within <= 1 && t.Between > 0 && t.Between <= 1):
		return errors.New("within and between lie between 0 and 1")
	case !(t.Fa > 0 && t.Fa <= 10 && t.Fb > 0 && t.Fb <= 100):
		return errors.New("fa lies between 0 and 10, fb between 0 and 100")
	case !(t.Sharp > 0 && t.Sharp <= 1000):
		return errors.New("sharp lies between 0 and 1000")
	}
	return nil
}
