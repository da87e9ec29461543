package onnx

import "souffleur/diarize/voices"

// knownFile is an embedder of which we have measured something.
type knownFile struct {
	front      FrontEnd
	centred    bool // the thresholds are of vectors with a mean taken off
	thresholds voices.Thresholds
}

// known has, by SHA-256, the front ends and thresholds that bench/diarize measured. What nobody here has run is not in it.
var known = map[string]knownFile{}
