package timeline

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Handler returns a handler that reads along what goes to next, debug lines too, whether or not next wants them.
func (r *Recorder) Handler(next slog.Handler) slog.Handler {
	if r == nil {
		return next
	}
	return &handler{Handler: next, recorder: r}
}

type handler struct {
	slog.Handler

	recorder *Recorder
}

func (h *handler) Enabled(context.Context, slog.Level) bool { return true }

// Handle takes up calls: lines with "took".
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	h.read(record)
	if !h.Handler.Enabled(ctx, record.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, record)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.recorder}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.recorder}
}

func (h *handler) read(record slog.Record) {
	values := map[string]string{}
	var took time.Duration
	timed := false
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == "took" && a.Value.Kind() == slog.KindDuration {
			took, timed = a.Value.Duration(), true
		}
		if v := a.Value.String(); v != "" && v != "<nil>" {
			values[a.Key] = v
		}
		return true
	})
	if !timed {
		return
	}
	failed := values["error"] != ""
	if kind := values["kind"]; kind != "" && record.Message == "hook ended" {
		h.recorder.hook(kind, values["command"], took, failed)
		return
	}
	service, what, _ := strings.Cut(record.Message, ": ")
	if values["method"] != "" {
		what = values["method"]
	}
	for _, key := range []string{"path", "url", "request"} {
		what += " " + place(values[key])
	}
	if status := values["status"]; status != "" {
		what += " " + status
		code, err := strconv.Atoi(status)
		failed = failed || err == nil && code >= http.StatusBadRequest
	}
	if server := values["server"]; server != "" {
		service = server
	}
	h.recorder.call(service, strings.Join(strings.Fields(what), " "), took, failed)
}

// place is the path of a URL, without what may be a secret in it.
func place(text string) string {
	if u, err := url.Parse(text); err == nil && (u.Host != "" || strings.HasPrefix(text, "/")) {
		return u.Path
	}
	return text
}

// hook takes up a hook that ended; of its command line the program alone is kept.
func (r *Recorder) hook(kind, command string, took time.Duration, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := r.now()
	first, _, _ := strings.Cut(strings.Trim(command, `"`), " ")
	if strings.Contains(first, "=") { // a variable that the shell sets
		first = "sh"
	}
	s := &Span{Kind: Work, Name: kind + " hook", Detail: line(filepath.Base(first)), Start: max(0, end-took.Seconds()),
		End: end, State: Done}
	if failed {
		s.State = Failed
	}
	r.add(s)
}
