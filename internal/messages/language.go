package messages

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"wildcard/internal/system/environ"
)

// Language is a language that the programs speak, by its ISO 639-1 code. The zero value is English.
type Language string

// The languages of tests and of those who have no choice.
const (
	English  Language = "en"
	Japanese Language = "ja"
)

// Translation is what a language has of its own.
type Translation struct {
	Tables   func() []map[Text]string // its text for each English one, by kind
	Script   []*unicode.RangeTable    // letters of which each translation has at least one; none if that is not so
	Sentence func(string) string      // makes a sentence of a text that begins in lower case and has no stop
	Column   int                      // cells of the longest word that stands before a detail, as in "wildcard show"
}

// Languages are those that the programs speak. One more is an entry here and the tables it names; a test tells what they lack.
func Languages() map[Language]Translation {
	return map[Language]Translation{
		English: {
			Tables:   func() []map[Text]string { return nil }, // it stands in the source
			Sentence: func(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." },
			Column:   12,
		},
		Japanese: {
			Tables:   japanese,
			Script:   []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana},
			Sentence: func(text string) string { return text + "。" },
			Column:   14,
		},
	}
}

// LanguageNames are the languages as --lang takes them, sorted.
func LanguageNames() []string {
	var names []string
	for l := range Languages() {
		names = append(names, string(l))
	}
	slices.Sort(names)
	return names
}

// own is what the language has of its own; one that there is not is English.
func (l Language) own() Translation {
	if own, ok := Languages()[l]; ok {
		return own
	}
	return Languages()[English]
}

// Column is how many cells the longest word takes that stands before a detail, as in "wildcard show".
func (l Language) Column() int { return l.own().Column }

// Choose returns the language that --lang asks for, or, if flag is "", that of the locale: LC_ALL, LC_MESSAGES or LANG, the
// first that is set to something (POSIX.1-2017, section 8.2). A flag that names no language of ours is an error.
func Choose(flag string, environment []string) (Language, error) {
	if flag == "" {
		return ofLocale(environment), nil
	}
	if _, ok := Languages()[Language(flag)]; ok {
		return Language(flag), nil
	}
	return ofLocale(environment), New("--lang %q: the languages are %s", flag, strings.Join(LanguageNames(), " and "))
}

func ofLocale(environment []string) Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := environ.Get(environment, name); value != "" {
			return ofName(value)
		}
	}
	return English
}

// ofName reads a locale's name: LANGUAGE[_TERRITORY][.CODESET][@MODIFIER].
func ofName(locale string) Language {
	locale, _, _ = strings.Cut(locale, "@")
	locale, codeset, hasCodeset := strings.Cut(locale, ".")
	name, _, _ := strings.Cut(locale, "_")
	if language := Language(strings.ToLower(name)); isUTF8(codeset) || !hasCodeset {
		if _, ok := Languages()[language]; ok {
			return language
		}
	}
	return English
}

func isUTF8(codeset string) bool {
	return strings.EqualFold(strings.ReplaceAll(codeset, "-", ""), "utf8")
}

// Take takes --lang out of a command line, wherever it stands before "--", since the language has to be known before the
// rest of the line can be complained about. A last --lang without a value stays, for the parser of the rest.
func Take(args []string) (flag string, rest []string) {
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		switch {
		case args[i] == "--":
			return flag, append(rest, args[i:]...)
		case name != "--lang" && name != "-lang":
			rest = append(rest, args[i])
		case inline:
			flag = value
		case i+1 < len(args):
			i++
			flag = args[i]
		default:
			rest = append(rest, args[i])
		}
	}
	return flag, rest
}

// Sprintf puts a text into the language, and fills it in as [fmt.Sprintf] does. Arguments that are texts themselves are put
// into the language too.
func (l Language) Sprintf(format Text, args ...any) string {
	return fmt.Sprintf(l.Translate(format), l.all(args)...)
}

// Translate returns the translation of an English text, or the text itself if there is none.
func (l Language) Translate(text Text) string {
	if translation, ok := l.translation(text); ok {
		return translation
	}
	return string(text)
}

// Sentence translates a text that begins in lower case and has no stop, and makes a sentence of it.
func (l Language) Sentence(text Text) string { return l.own().Sentence(l.Translate(text)) }

func (l Language) translation(text Text) (string, bool) {
	for _, table := range l.own().Tables() {
		if translation, ok := table[text]; ok {
			return translation, true
		}
	}
	return "", false
}

// all puts those of the arguments into the language that are texts.
func (l Language) all(args []any) []any {
	local := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case Localizer:
			local[i] = arg.In(l)
		case error:
			local[i] = l.Error(arg)
		default:
			local[i] = arg
		}
	}
	return local
}
