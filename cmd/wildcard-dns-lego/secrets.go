package main

import (
	"io"
	"net/url"
	"slices"
	"strings"

	"wildcard/cmd/wildcard-dns-lego/catalogue"
)

// secrets cuts the values of secret variables out of texts: lego's errors have whole replies and addresses in them.
type secrets struct{ replacer *strings.Replacer }

// secretsOf reads the environment, in which there are the variables of one service.
func secretsOf(services []catalogue.Service, getenv func(string) string) secrets {
	var values []string
	for _, s := range services {
		for _, v := range s.Variables {
			if value := getenv(v.Name); v.Secret && len(value) > 3 {
				values = append(values, value, url.QueryEscape(value), url.PathEscape(value))
			}
		}
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) }) // one may be part of another
	var pairs []string
	for _, value := range values {
		pairs = append(pairs, value, "***")
	}
	return secrets{strings.NewReplacer(pairs...)}
}

func (s secrets) cut(text string) string { return s.replacer.Replace(text) }

// writer cuts secrets out of what is written to it, line by line as loggers write.
func (s secrets) writer(to io.Writer) io.Writer { return cutter{s, to} }

type cutter struct {
	secrets
	to io.Writer
}

func (c cutter) Write(line []byte) (int, error) {
	if _, err := io.WriteString(c.to, c.cut(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}
