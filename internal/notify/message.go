package notify

import (
	"encoding/json"
	"time"
)

// Message is what is sent, as JSON to programs and webhooks. Members may be added; Version changes when one changes or goes.
type Message struct {
	Version int       `json:"version"` // 1
	Program string    `json:"program"` // "wildcard/1.2.3"
	Host    string    `json:"host"`    // this machine's name
	Time    time.Time `json:"time"`
	Subject string    `json:"subject"` // a line
	Text    string    `json:"text"`    // all of it for people, as many chat services take it
	Events  []Event   `json:"events"`
}

func (m Message) json() ([]byte, error) {
	text, err := json.Marshal(m)
	return append(text, '\n'), err
}
