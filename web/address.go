package web

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAddress is the longest e-mail address, in bytes (RFC 5321 §4.5.3.1).
const maxAddress = 254

// cleanAddress returns an e-mail address as it is compared: in lower case, without surrounding white space. Addresses that
// differ in case only reach the same person everywhere in practice, and people write them either way.
func cleanAddress(text string) (address string, ok bool) {
	address = strings.ToLower(strings.TrimSpace(text))
	if len(address) > maxAddress || !utf8.ValidString(address) || strings.ContainsFunc(address, notInAddress) {
		return "", false
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address { // "Ada <ada@example.org>" is no address
		return "", false
	}
	local, domain, _ := strings.Cut(address, "@")
	return address, local != "" && strings.Trim(domain, ".") == domain && domain != ""
}

// notInAddress says which characters we take for a slip, or for a trick: quoted local parts may have them, people have none.
func notInAddress(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune("<>()[]\",;:\\", r)
}
