package whisper

import (
	"strings"
	"time"

	"souffleur/internal/whispercpp"
)

// echoTokens is how many tokens may begin where the audio ends: a last short word whose time is vague.
const echoTokens = 5

// withoutEcho drops text behind the end of the audio: a model that does not find the end of its text says sentences again,
// and the engine places all of them on the last instant.
func withoutEcho(tokens []whispercpp.Token, length time.Duration) []whispercpp.Token {
	i := len(tokens)
	for i > 0 && tokens[i-1].Start >= length-10*time.Millisecond { // the unit of times
		i--
	}
	for i > 0 && i < len(tokens) && !strings.HasPrefix(tokens[i].Text, " ") { // the rest of a word that began before
		i++
	}
	if len(tokens)-i <= echoTokens {
		return tokens
	}
	return tokens[:i]
}
