package messages

import (
	"fmt"
	"strings"
)

// Language is a language that the programs speak. The zero value is English.
type Language string

// The languages, by their ISO 639-1 codes.
const (
	English  Language = "en"
	Japanese Language = "ja"
)

// Choose returns the language that --lang asks for, or, if flag is "", that of the locale: LC_ALL, LC_MESSAGES or LANG, the
// first that is set to something (POSIX.1-2017, section 8.2). A flag that names no language of ours is an error.
func Choose(flag string, environ []string) (Language, error) {
	switch Language(flag) {
	case English, Japanese:
		return Language(flag), nil
	case "":
		return ofLocale(environ), nil
	}
	return ofLocale(environ), New("--lang %q: the languages are en and ja", flag)
}

func ofLocale(environ []string) Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		value := ""
		for _, entry := range environ {
			if v, ok := strings.CutPrefix(entry, name+"="); ok {
				value = v // the last one counts, as in os/exec
			}
		}
		if value != "" {
			return ofName(value)
		}
	}
	return English
}

// ofName reads a locale's name: LANGUAGE[_TERRITORY][.CODESET][@MODIFIER].
func ofName(locale string) Language {
	locale, _, _ = strings.Cut(locale, "@")
	locale, codeset, hasCodeset := strings.Cut(locale, ".")
	language, _, _ := strings.Cut(locale, "_")
	utf8 := strings.EqualFold(strings.ReplaceAll(codeset, "-", ""), "utf8")
	if strings.EqualFold(language, string(Japanese)) && (utf8 || !hasCodeset) {
		return Japanese
	}
	return English
}

// Take takes --lang out of a command line, wherever it stands before "--", since the language has to be known before the
// rest of the line can be complained about. A last --lang without a value stays, for whoever parses the rest.
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
func (l Language) Sprintf(format string, args ...any) string {
	if l != Japanese {
		return fmt.Sprintf(format, args...)
	}
	return fmt.Sprintf(l.Translate(format), l.all(args)...)
}

// Translate returns the translation of an English text, or the text itself if there is none.
func (l Language) Translate(text string) string {
	if l == Japanese {
		for _, part := range catalogue() {
			if translation, ok := part[text]; ok {
				return translation
			}
		}
	}
	return text
}

// all puts those of the arguments into the language that are texts.
func (l Language) all(args []any) []any {
	local := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case Text:
			local[i] = arg.In(l)
		case error:
			local[i] = l.Error(arg)
		default:
			local[i] = arg
		}
	}
	return local
}
