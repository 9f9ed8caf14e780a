package units

import (
	"context"
	"strings"
	"time"
)

// Status is how things stand on a machine. What systemd does not say, or does not run to say, is empty.
type Status struct {
	Files   []File     `json:"files"`
	Enabled string     `json:"enabled"` // as "systemctl is-enabled" says
	Active  string     `json:"active,omitempty"`
	Next    *time.Time `json:"next,omitempty"`
	Last    *time.Time `json:"last,omitempty"`
	Result  string     `json:"result,omitempty"`        // of the last renewal, as systemd calls it: success, exit-code, timeout, …
	Deploy  string     `json:"deploy_result,omitempty"` // of the last deploy hooks
}

// Status asks.
func (m Machine) Status(ctx context.Context) (Status, error) {
	files, err := m.files()
	if err != nil {
		return Status{}, err
	}
	s := Status{Files: files, Enabled: "not-found"}
	if !there(files, Timer) {
		return s, nil
	}
	answer, err := m.systemctl(ctx, "is-enabled", Timer)
	if s.Enabled = strings.TrimSpace(answer); s.Enabled == "" && err != nil { // "disabled" comes with exit status 1
		return s, err
	}
	if !m.Running {
		return s, nil
	}
	timer, err := m.show(ctx, Timer)
	if err != nil {
		return s, err
	}
	s.Active, s.Next, s.Last = timer["ActiveState"], moment(timer["NextElapseUSecRealtime"]),
		moment(timer["LastTriggerUSec"])
	for unit, result := range map[string]*string{Renewal: &s.Result, Deploy: &s.Deploy} {
		service, err := m.show(ctx, unit)
		if err != nil {
			return s, err
		}
		if moment(service["ExecMainExitTimestamp"]) != nil {
			*result = service["Result"]
		}
	}
	return s, nil
}

// show returns the properties of a unit.
func (m Machine) show(ctx context.Context, unit string) (map[string]string, error) {
	answer, err := m.systemctl(ctx, "show", unit,
		"--property=ActiveState,NextElapseUSecRealtime,LastTriggerUSec,Result,ExecMainExitTimestamp")
	if err != nil {
		return nil, err
	}
	properties := map[string]string{}
	for line := range strings.Lines(answer) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[name] = value
	}
	return properties, nil
}

// moment reads a time as systemd writes it in UTC; nil if there is none.
func moment(text string) *time.Time {
	t, err := time.Parse("Mon 2006-01-02 15:04:05 MST", text)
	if err != nil {
		return nil
	}
	return &t
}
