package rfc2136

import (
	"errors"
	"strings"

	"wildcard/internal/settings"
)

// parseKeyFile reads a file that holds one key statement of BIND's configuration language:
//
//	key "wildcard-key" {
//		algorithm hmac-sha256;
//		secret "…";
//	};
//
// Comments may stand anywhere; anything else is an error, which shows nothing of the file.
func parseKeyFile(text string) (key, error) {
	words, err := keyWords(strings.TrimPrefix(text, "\ufeff"))
	if err != nil {
		return key{}, err
	}
	next := func() (word string) {
		if len(words) > 0 {
			word, words = words[0], words[1:]
		}
		return word
	}
	malformed := errors.New(`it is not a key file: want one key "NAME" { algorithm hmac-sha256; secret "…"; };, as tsig-keygen prints it`)
	if next() != "key" {
		return key{}, malformed
	}
	name := next()
	if next() != "{" {
		return key{}, malformed
	}
	var algorithm, secret string
	for word := next(); word != "}"; word = next() {
		value := next()
		switch {
		case word == "algorithm" && algorithm == "":
			algorithm = value
		case word == "secret" && secret == "":
			secret = value
		default:
			return key{}, malformed
		}
		if next() != ";" {
			return key{}, malformed
		}
	}
	if next() != ";" || len(words) > 0 {
		return key{}, malformed
	}
	return newKey(name, algorithm, settings.NewSecret(secret))
}

// keyWords splits a configuration of BIND into words, strings without their quotes, and { } ; for themselves.
func keyWords(text string) ([]string, error) {
	var words []string
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		switch {
		case text == "":
			return words, nil
		case strings.HasPrefix(text, "#"), strings.HasPrefix(text, "//"):
			_, text, _ = strings.Cut(text, "\n")
		case strings.HasPrefix(text, "/*"):
			_, after, closed := strings.Cut(text[2:], "*/")
			if !closed {
				return nil, errors.New("it has a comment without an end")
			}
			text = after
		case strings.ContainsAny(text[:1], "{};"):
			words, text = append(words, text[:1]), text[1:]
		case text[0] == '"':
			word, after, closed := strings.Cut(text[1:], `"`)
			if !closed || word == "" || strings.ContainsAny(word, "\n\\") {
				return nil, errors.New("it has a string that is empty or has no end")
			}
			words, text = append(words, word), after
		default:
			end := strings.IndexAny(text, " \t\r\n{};\"#")
			if end < 0 {
				end = len(text)
			}
			words, text = append(words, text[:end]), text[end:]
		}
	}
}
