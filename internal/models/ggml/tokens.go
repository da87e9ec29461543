package ggml

import (
	"encoding/json"
	"unicode/utf8"
)

// textTokens returns the bytes of the first n tokens of a tokenizer.json of Hugging Face, by token number.
func textTokens(tokenizer []byte, n int) ([][]byte, error) {
	var file struct {
		Model struct {
			Vocab map[string]int `json:"vocab"`
		} `json:"model"`
	}
	if err := json.Unmarshal(tokenizer, &file); err != nil {
		return nil, formatError("tokenizer.json: %v", err)
	}
	tokens := make([][]byte, n)
	for token, id := range file.Model.Vocab {
		if id < 0 || id >= n {
			continue // special tokens: the engine makes them itself
		}
		b, ok := tokenBytes(token)
		if !ok || tokens[id] != nil {
			return nil, formatError("tokenizer.json: token %d stands twice or has a letter outside the byte alphabet", id)
		}
		tokens[id] = b
	}
	for id, b := range tokens {
		if b == nil {
			return nil, formatError("tokenizer.json: no token %d", id)
		}
	}
	return tokens, nil
}

// tokenBytes turns a token as written in the vocabulary back into its bytes. GPT-2 writes every byte as a printable letter.
func tokenBytes(token string) ([]byte, bool) {
	b := make([]byte, 0, len(token))
	for _, letter := range token {
		if letter == utf8.RuneError || int(letter) >= len(letterBytes) || letterBytes[letter] < 0 {
			return nil, false
		}
		b = append(b, byte(letterBytes[letter]))
	}
	return b, true
}

// letterBytes is the byte that a letter stands for, -1 for none: printable bytes of Latin-1 stand for themselves, the 68
// others follow in order from U+0100.
var letterBytes = func() (bytes [256 + 68]int) {
	for i := range bytes {
		bytes[i] = -1
	}
	next := 256
	for b := range 256 {
		if printable := b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae; printable {
			bytes[b] = b
			continue
		}
		bytes[next] = b
		next++
	}
	return bytes
}()
