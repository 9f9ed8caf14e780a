package acmednstest

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var (
	userForm  = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	keyForm   = regexp.MustCompile(`^[A-Za-z0-9_-]{40}$`)
	valueForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /register", s.register)
	mux.HandleFunc("POST /update", s.update)
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		meet := s.meet
		s.mu.Unlock()
		var fault *Fault
		if meet != nil {
			fault = meet(r.URL.Path)
		}
		if fault == nil {
			mux.ServeHTTP(w, r)
			return
		}
		fault.meet(mux, w, r)
	})
}

func (f *Fault) meet(next http.Handler, w http.ResponseWriter, r *http.Request) {
	switch {
	case f.Hang != nil:
		_, _ = io.ReadAll(r.Body) // only then does the server see the client go
		select {
		case <-f.Hang:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case f.Drop && f.Status == 0:
		next.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Status == 0:
		next.ServeHTTP(w, r)
	default:
		for name, values := range f.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body)
	}
}

// discard is a reply that never arrives.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, word string) {
	answer(w, status, map[string]string{"error": word})
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		http.NotFound(w, r)
		return
	}
	var request struct {
		AllowFrom []string `json:"allowfrom"`
	}
	if body, err := io.ReadAll(r.Body); err != nil || len(body) > 0 && json.Unmarshal(body, &request) != nil {
		refuse(w, http.StatusBadRequest, "malformed_json_payload")
		return
	}
	a := &account{username: uuid(), password: (rand.Text() + rand.Text())[:40], subdomain: uuid()}
	for _, text := range request.AllowFrom {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			refuse(w, http.StatusBadRequest, "invalid_allowfrom_cidr")
			return
		}
		a.allow = append(a.allow, network)
	}
	s.accounts = append(s.accounts, a)
	answer(w, http.StatusCreated, map[string]any{
		"username": a.username, "password": a.password, "subdomain": a.subdomain,
		"fulldomain": a.subdomain + "." + strings.TrimSuffix(s.domain, "."),
		"allowfrom":  append([]string{}, request.AllowFrom...),
	})
}

func (s *Server) update(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var request struct{ Subdomain, TXT string }
	err := json.NewDecoder(r.Body).Decode(&request)
	a := s.authorized(r)
	switch {
	case a == nil || err != nil || request.Subdomain != a.subdomain:
		refuse(w, http.StatusUnauthorized, "forbidden")
		return
	case !valueForm.MatchString(request.TXT):
		refuse(w, http.StatusBadRequest, "bad_txt")
		return
	}
	older := 0
	if a.rows[1].updated < a.rows[0].updated {
		older = 1
	}
	a.rows[older] = row{request.TXT, s.now().Unix()}
	answer(w, http.StatusOK, map[string]string{"txt": request.TXT})
}

// authorized returns the account of a request, or nil.
func (s *Server) authorized(r *http.Request) *account {
	user, key := r.Header.Get("X-Api-User"), r.Header.Get("X-Api-Key")
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	i := slices.IndexFunc(s.accounts, func(a *account) bool { return a.username == user && a.password == key })
	if !userForm.MatchString(user) || !keyForm.MatchString(key) || i < 0 {
		return nil
	}
	a := s.accounts[i]
	if len(a.allow) > 0 &&
		!slices.ContainsFunc(a.allow, func(n *net.IPNet) bool { return n.Contains(net.ParseIP(host)) }) {
		return nil
	}
	return a
}
