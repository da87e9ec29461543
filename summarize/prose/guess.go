package prose

// LanguageOf returns the language of a text by its frequent words; "" if it is short, not clear, or in a language without a list of them.
func LanguageOf(text string) string { return tongueOf(text) }
