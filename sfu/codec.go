package sfu

import (
	"strings"

	"github.com/pion/webrtc/v4"
)

// codec is one of those that tracks come in and slots send.
type codec uint8

const (
	codecNone codec = iota
	codecOpus
	codecVP8
	codecH264
	codecs // how many there are
)

// codecOf returns the codec of a MIME type, or codecNone.
func codecOf(mime string) codec {
	switch strings.ToLower(mime) {
	case strings.ToLower(webrtc.MimeTypeOpus):
		return codecOpus
	case strings.ToLower(webrtc.MimeTypeVP8):
		return codecVP8
	case strings.ToLower(webrtc.MimeTypeH264):
		return codecH264
	}
	return codecNone
}
