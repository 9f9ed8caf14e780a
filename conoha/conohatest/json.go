package conohatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// members reads a JSON object strictly: its members by their exact names, of which there is none but the allowed ones.
// encoding/json alone would take "Name" for "name".
func members(raw []byte, allowed ...string) (map[string]json.RawMessage, error) {
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("the body is not UTF-8")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, fmt.Errorf("null in place of an object")
	}
	for name := range object {
		if !slices.Contains(allowed, name) {
			return nil, fmt.Errorf("unknown member %q", name)
		}
	}
	return object, nil
}

// text reads a JSON string. ok is false for anything else, null and nothing included.
func text(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// integer reads a JSON number that is written as an integer.
func integer(raw json.RawMessage) (n int, ok bool) {
	return n, !isNull(raw) && json.Unmarshal(raw, &n) == nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || bytes.Equal(raw, []byte("null")) }
